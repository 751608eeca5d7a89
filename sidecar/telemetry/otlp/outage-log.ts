import type { Delivery } from './otlp-export.ts'

/** How often the same trouble is told. */
const EVERY_MS = 60_000
/** A collector's own words may be of any length. */
const WHY_CHARACTERS_MAX = 200

/** Tells people that spans don't arrive, what to do about it, and when it is over; seldom, however long it lasts. */
export class OutageLog {
  private readonly log: { info(message: string): void; warn(message: string): void }
  private readonly nowMs: () => number
  private endpoint = ''
  private toldMs = Number.NEGATIVE_INFINITY
  private down = false

  constructor(log: OutageLog['log'], nowMs: () => number) {
    this.log = log
    this.nowMs = nowMs
  }

  /** From now on it is about this collector. */
  begin(endpoint: string): void {
    this.endpoint = endpoint
    this.down = false
    this.toldMs = Number.NEGATIVE_INFINITY
    this.log.info(`Exports spans to ${endpoint}`)
  }

  happened(delivery: Exclude<Delivery, { kind: 'taken' }>): void {
    this.down = true
    const now = this.nowMs()
    if (now - this.toldMs < EVERY_MS) return
    this.toldMs = now
    const why = delivery.why.slice(0, WHY_CHARACTERS_MAX)
    if (delivery.kind === 'failed') {
      this.log.warn(
        `Cannot export spans to ${this.endpoint}: ${why}. Trying again; see that an OpenTelemetry collector listens there, or set another spec.tracing.otlp.endpoint in the MeshPolicy`,
      )
    } else {
      this.log.warn(
        `Cannot export spans to ${this.endpoint}: it refused them (${why}), and they are dropped. See that it receives OTLP traces by this protocol, and whether it wants headers (OTEL_EXPORTER_OTLP_HEADERS)`,
      )
    }
  }

  over(): void {
    if (!this.down) return
    this.down = false
    this.toldMs = Number.NEGATIVE_INFINITY
    this.log.info(`Exports spans to ${this.endpoint} again`)
  }
}
