import { endpointKey } from '../../common/mod.ts'
import type { TrafficSettings } from '../../model/snapshot/mod.ts'
import { type Exchange, type Filter, isBytes } from '../http/mod.ts'
import type { CurrentPolicy } from '../policy/mod.ts'
import type { Instruments, Meter } from '../telemetry/mod.ts'
import { type CarryPlan, Destination, type UpstreamEnvironment } from '../upstream/mod.ts'

/** Applications are known to close an idle connection after 5 s (Node's default); we are first, though we look but once a second. */
const IDLE_MS = 3_500
/** Callers' breakers protect us; this bounds what a single application can be asked for at all. */
const SETTINGS: TrafficSettings = {
  policy: undefined,
  breaker: { connectionsMax: 4_096, pendingMax: 4_096, requestsMax: 8_192 },
  outlier: { consecutiveErrors: 0, baseEjectionMs: 30_000, ejectedPercentMax: 0, healthyPercentMin: 0 },
  retryBudget: { percent: 0, minPerSecond: 0, windowMs: 10_000 },
  connectTimeoutMs: 1_000,
  keepsNameCase: false,
  upgrades: undefined,
}
const NO_PORT = 0

/** The application beside us, by port. */
export class LocalApplication {
  private readonly policy: CurrentPolicy
  private readonly environment: UpstreamEnvironment
  private readonly instruments: Instruments
  private readonly host: string
  private readonly ports = new Map<number, Destination>()
  /** By caller. */
  private readonly meters = { http: new Map<string, Meter>(), tcp: new Map<string, Meter>() }

  constructor(host: string, policy: CurrentPolicy, environment: UpstreamEnvironment, instruments: Instruments) {
    this.host = host
    this.policy = policy
    this.environment = environment
    this.instruments = instruments
    policy.onChange({ changed: (_services, self) => self && this.changed() })
  }

  private changed(): void {
    this.forgetMeters()
    for (const destination of this.ports.values()) destination.declare(this.policy.self?.ports ?? [])
  }

  /** Settles which port is meant: the connection's (from its TLS server name), else the only one declared, else the one in Host. */
  filter(): Filter {
    return {
      name: 'port',
      request: x => {
        const { self } = this.policy
        if (self === undefined) {
          x.fail('no-policy', 'this sidecar has no policy yet')
          return 'done'
        }
        x.facts.destination = self.services[0] ?? self.workload
        const wanted =
          x.port !== NO_PORT ? x.port : self.ports.length === 1 ? self.ports[0]!.port : portOf(x.request.authority)
        const declared = self.ports.find(port => port.port === wanted)
        if (declared === undefined) {
          x.fail('unknown-destination', `this workload declares no port ${wanted}`)
          return 'done'
        }
        // What looks at requests must not be gone round by who calls them bytes.
        if (isBytes(x.request) && declared.protocol !== 'tcp' && declared.protocol !== 'detect') {
          x.fail('unsupported-protocol', `port ${wanted} is declared to speak ${declared.protocol}, not just any bytes`)
          return 'done'
        }
        // Sidecars send what is a request as one: whoever hides it among bytes wants to say who calls.
        x.refusesHiddenRequests = declared.protocol === 'detect'
        x.plan = wanted
        return 'next'
      },
    }
  }

  carryPlan(x: Exchange): CarryPlan {
    const port = x.plan as number
    return {
      destination: this.destination(port),
      port,
      retry: undefined,
      defaultRetries: 0,
      attemptTimeoutMs: undefined,
      deadlineMs: undefined,
    }
  }

  private destination(port: number): Destination {
    let destination = this.ports.get(port)
    if (destination === undefined) {
      destination = new Destination(undefined, SETTINGS, this.environment)
      const address = { key: endpointKey(this.host, port, port), host: this.host, port, appPort: port } as const
      destination.place([{ servicePort: port, address: { ...address, tls: { kind: 'none', why: 'not-in-mesh' } } }])
      destination.declare(this.policy.self?.ports ?? [])
      this.ports.set(port, destination)
    }
    return destination
  }

  /** The cells for one caller. */
  meter(x: Exchange): Meter {
    const { source, destination } = x.facts
    // Who isn't a peer is called `unauthenticated`, which no peer is: the source tells whether it was mTLS.
    const protocol = isBytes(x.request) ? 'tcp' : 'http'
    const bySource = this.meters[protocol]
    let meter = bySource.get(source)
    if (meter === undefined) {
      meter = this.instruments.meters.of({
        direction: 'inbound',
        source,
        destination,
        route: '',
        protocol,
        tls: x.caller.kind === 'peer' ? 'mtls' : 'none',
      })
      bySource.set(source, meter)
    }
    return meter
  }

  /** Meters have expired: each is asked for again when it is needed. */
  forgetMeters(): void {
    this.meters.http.clear()
    this.meters.tcp.clear()
  }

  /** Connections, those that are being made included. */
  get connections(): number {
    let sum = 0
    for (const { breaker } of this.ports.values()) sum += breaker.connections
    return sum
  }

  /** `all`: however short they have idled. */
  closeIdle(which: 'old' | 'all' = 'old'): void {
    const idleMs = which === 'all' ? 0 : IDLE_MS
    for (const destination of this.ports.values()) destination.closeIdle(idleMs, idleMs)
  }

  close(): void {
    for (const destination of this.ports.values()) destination.close()
  }
}

function portOf(authority: string): number {
  const digits = /:([0-9]{1,5})$/.exec(authority)?.[1]
  return digits === undefined ? 80 : Number(digits)
}
