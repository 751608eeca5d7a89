import type { Cause, WorkloadKey } from '../../../common/mod.ts'
import type { EdgeReport, Span, TelemetryReport } from '../../../model/telemetry/mod.ts'
import { type MeterGrowth, MeterWatch } from './growth.ts'
import { causeOfCode } from './meter.ts'
import type { Meters } from './meters.ts'

/** Turns cells that only grow into reports of what came since the last one. Callers report their edges; callees would count them twice. */
export class EdgeReporter {
  private readonly meters: MeterWatch
  private readonly workload: WorkloadKey
  private readonly takeSpans: () => Span[]

  constructor(workload: WorkloadKey, meters: Meters, takeSpans: () => Span[]) {
    this.workload = workload
    this.meters = new MeterWatch(meters)
    this.takeSpans = takeSpans
  }

  /** `undefined` when nothing has happened. */
  take(): TelemetryReport | undefined {
    const edges = [...this.meters.take('outbound')].map(edgeOf)
    const spans = this.takeSpans()
    return edges.length === 0 && spans.length === 0 ? undefined : { workload: this.workload, edges, spans }
  }
}

function edgeOf({ labels, requests, successes, retries, codes, latency }: MeterGrowth): EdgeReport {
  const { source, destination, route, tls } = labels
  return {
    ...{ source, destination, route, requests, successes, retries },
    mtlsRequests: tls === 'mtls' ? requests : 0,
    plaintextRequests: tls === 'none' ? requests : 0,
    causes: causesOf(codes),
    latency: latency.map(([cell, count]) => ({ cell, count })),
  }
}

function causesOf(codes: MeterGrowth['codes']): { cause: Cause; count: number }[] {
  const causes = new Map<Cause, number>()
  for (const [code, count] of codes) {
    const cause = causeOfCode(code)
    if (cause !== undefined) causes.set(cause, (causes.get(cause) ?? 0) + count)
  }
  return [...causes].map(([cause, count]) => ({ cause, count }))
}
