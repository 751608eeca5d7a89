import type { Cause, WorkloadKey } from '../../../common/mod.ts'
import type { EdgeReport, Span, TelemetryReport } from '../../../model/telemetry/mod.ts'
import type { Meter } from './meter.ts'
import type { Meters } from './meters.ts'

/** What a meter stood at when it was last reported. */
interface Reported {
  requests: number
  successes: number
  retries: number
  readonly latency: Uint32Array
  readonly causes: Map<Cause, number>
}

/** Turns cells that only grow into reports of what came since the last one. Callers report their edges; callees would count them twice. */
export class EdgeReporter {
  private readonly meters: Meters
  private readonly workload: WorkloadKey
  private readonly takeSpans: () => Span[]
  // A meter that has expired takes with it what was reported of it.
  private readonly reported = new WeakMap<Meter, Reported>()

  constructor(workload: WorkloadKey, meters: Meters, takeSpans: () => Span[]) {
    this.workload = workload
    this.meters = meters
    this.takeSpans = takeSpans
  }

  /** `undefined` when nothing has happened. */
  take(): TelemetryReport | undefined {
    const edges: EdgeReport[] = []
    for (const meter of this.meters.all()) {
      if (meter.labels.direction !== 'outbound') continue
      const edge = this.since(meter)
      if (edge !== undefined) edges.push(edge)
    }
    const spans = this.takeSpans()
    return edges.length === 0 && spans.length === 0 ? undefined : { workload: this.workload, edges, spans }
  }

  private since(meter: Meter): EdgeReport | undefined {
    let before = this.reported.get(meter)
    if (before === undefined) {
      before = {
        requests: 0,
        successes: 0,
        retries: 0,
        latency: new Uint32Array(meter.latency.length),
        causes: new Map(),
      }
      this.reported.set(meter, before)
    }
    const requests = meter.requests - before.requests
    if (requests === 0) return undefined
    const latency: { cell: number; count: number }[] = []
    for (let cell = 0; cell < meter.latency.length; cell++) {
      const count = meter.latency[cell]! - before.latency[cell]!
      if (count !== 0) latency.push({ cell, count })
    }
    const edge: EdgeReport = {
      source: meter.labels.source,
      destination: meter.labels.destination,
      route: meter.labels.route,
      requests,
      successes: meter.successes - before.successes,
      mtlsRequests: meter.labels.tls === 'mtls' ? requests : 0,
      plaintextRequests: meter.labels.tls === 'none' ? requests : 0,
      retries: meter.retries - before.retries,
      causes: causesSince(meter, before.causes),
      latency,
    }
    before.requests = meter.requests
    before.successes = meter.successes
    before.retries = meter.retries
    before.latency.set(meter.latency)
    return edge
  }
}

function causesSince(meter: Meter, before: Map<Cause, number>): { cause: Cause; count: number }[] {
  const now = new Map<Cause, number>()
  meter.forEachCode((_status, cause, count) => {
    if (cause !== undefined) now.set(cause, (now.get(cause) ?? 0) + count)
  })
  const causes: { cause: Cause; count: number }[] = []
  for (const [cause, count] of now) {
    const more = count - (before.get(cause) ?? 0)
    if (more > 0) causes.push({ cause, count: more })
    before.set(cause, count)
  }
  return causes
}
