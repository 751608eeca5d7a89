import type { AttemptClass, Cause } from '../../../common/mod.ts'
import { Meters } from './meters.ts'

/** Those of an instrument's numbers that go down as well: they are no part of what counters have grown by. */
export const GAUGES = ['inboundConnections', 'outboundConnections', 'inboundTunnels', 'outboundTunnels'] as const
export type Gauges = Record<(typeof GAUGES)[number], number>

/** What is counted beside exchanges. Plain numbers: whoever counts adds one, and the exposition reads. */
export class Instruments {
  readonly meters = new Meters()
  readonly attempts = new Map<AttemptClass, number>()
  /** Connections from callers now, by door. */
  inboundConnections = 0
  outboundConnections = 0
  /** Tunnels that are open now, by where their callers are. */
  inboundTunnels = 0
  outboundTunnels = 0
  /** Refused before there was an exchange: malformed heads, failed handshakes. */
  readonly refusals = new Map<Cause | 'tls-handshake', number>()
  ejections = 0
  /** Exceptions of ours inside an exchange. Each is a bug. */
  brokenExchanges = 0
  readonly detections = new Map<string, number>()

  attempted(outcome: AttemptClass): void {
    this.attempts.set(outcome, (this.attempts.get(outcome) ?? 0) + 1)
  }

  refused(why: Cause | 'tls-handshake'): void {
    this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1)
  }

  detected(result: string): void {
    this.detections.set(result, (this.detections.get(result) ?? 0) + 1)
  }
}
