import { type ServiceDefinition, status } from '@grpc/grpc-js'
import { runAtWallTime } from '../../certs/mod.ts'
import { type Clock, type Result, type SpiffeId, workloadOf } from '../../common/mod.ts'
import type { TelemetryReport } from '../../model/telemetry/mod.ts'
import type { GraphReader, TraceReader } from '../api/mod.ts'
import { admitReport } from './admit.ts'
import { graphOf } from './graph.ts'
import { createTraceStore } from './trace-store.ts'
import { createEdgeWindow } from './window.ts'
import {
  decodeReport,
  type TelemetryAnswer,
  type TelemetryCall,
  type TelemetryHandlers,
  telemetryDefinition,
} from './wire.ts'

export interface TelemetryOptions {
  readonly peerIdentity: (
    call: Pick<TelemetryCall, 'getAuthContext'>,
  ) => Result<{ readonly spiffeId: SpiffeId; readonly notAfterMs: number }, string>
  readonly clock: Clock
}

/** What the sidecars of this control plane saw, as graph and traces. */
export interface TelemetryService extends GraphReader, TraceReader {
  readonly definition: ServiceDefinition
  readonly implementation: TelemetryHandlers
  /** Ends all streams of reports; their sidecars come back, with what they counted meanwhile. */
  close(): void
}

export function telemetryService({ peerIdentity, clock }: TelemetryOptions): TelemetryService {
  const window = createEdgeWindow(clock.nowMs())
  const traces = createTraceStore()
  const endings = new Set<(code: status, details: string) => void>()

  function ingest(report: TelemetryReport): void {
    const nowMs = clock.nowMs()
    for (const edge of report.edges) window.add(edge, nowMs)
    for (const span of report.spans) traces.add(span)
  }

  function serve(call: TelemetryCall, answer: TelemetryAnswer): void {
    const peer = peerIdentity(call)
    const owner = peer.ok ? workloadOf(peer.value.spiffeId) : undefined
    if (!peer.ok || owner === undefined) {
      answer({ code: status.UNAUTHENTICATED, details: peer.ok ? `${peer.value.spiffeId} is no workload` : peer.error })
      return
    }
    let reports = 0
    let ended = false
    const cancelExpiry = runAtWallTime(clock, peer.value.notAfterMs, () => {
      end(status.UNAUTHENTICATED, 'The certificate of this stream has ended. Renew it, and open another stream.')
    })

    /** Idempotent. */
    function leave(): boolean {
      if (ended) return false
      ended = true
      cancelExpiry()
      endings.delete(end)
      return true
    }

    function end(code: status, details: string): void {
      if (leave()) answer({ code, details })
    }

    endings.add(end)
    call.on('data', wire => {
      if (ended) return
      const report = decodeReport(wire)
      if (report === undefined || !report.workload.startsWith(`${owner.namespace}/`)) {
        end(
          status.PERMISSION_DENIED,
          `Cannot take a report of "${wire.workload}": the certificate is of ${owner.namespace}`,
        )
        return
      }
      reports++
      ingest(admitReport(report, owner.namespace))
    })
    call.on('end', () => {
      if (leave()) answer(null, { reports })
    })
    call.on('error', leave)
    call.on('close', leave)
    call.on('cancelled', leave)
  }

  return {
    definition: telemetryDefinition(),
    implementation: { Report: serve },
    graph(windowMs) {
      const { spanMs, edges } = window.edges(windowMs, clock.nowMs())
      return graphOf(edges, windowMs, spanMs)
    },
    traces: query => traces.traces(query),
    trace: traceId => traces.trace(traceId),
    close() {
      for (const end of [...endings]) end(status.UNAVAILABLE, 'The control plane is closing')
    },
  }
}
