import type { ClientWritableStream } from '@grpc/grpc-js'
import type { EdgeReport, Span, TelemetryReport } from '../../../model/telemetry/mod.ts'
import type * as proto from '../../../proto/mod.ts'

export type ReportStream = ClientWritableStream<proto.TelemetryReport>
/** Makes clients of the telemetry service. */
export type TelemetryClient = ReturnType<typeof proto.loadTelemetry>['Telemetry']

type EdgeWire = NonNullable<proto.TelemetryReport['edges']>[number]
type SpanWire = NonNullable<proto.TelemetryReport['spans']>[number]

/** Parses the .proto, once; with it comes all of gRPC, which a sidecar in file mode never needs. */
export async function loadTelemetryClient(): Promise<TelemetryClient> {
  const { loadTelemetry } = await import('../../../proto/mod.ts')
  return loadTelemetry().Telemetry
}

/** `ended` hears the control plane's last word: an error's message, or that the stream is over. */
export function openReports(client: InstanceType<TelemetryClient>, ended: (why: string) => void): ReportStream {
  return client.Report(error => ended(error?.message ?? 'the control plane ended the stream'))
}

export function encodeReport(report: TelemetryReport): proto.TelemetryReport {
  return { workload: report.workload, edges: report.edges.map(encodeEdge), spans: report.spans.map(encodeSpan) }
}

function encodeEdge(edge: EdgeReport): EdgeWire {
  const causes = edge.causes.map(({ cause, count }) => ({ cause, count }))
  const latency = edge.latency.map(({ cell, count }) => ({ cell, count }))
  return { ...edge, causes, latency }
}

function encodeSpan(span: Span): SpanWire {
  const { kind, source, destination, method, path, status, cause, route, endpoint, startUs, durationUs } = span
  return {
    ...{ kind, source, destination, method, path, status, route, endpoint, startUs, durationUs },
    traceId: Buffer.from(span.traceId, 'hex'),
    spanId: Buffer.from(span.spanId, 'hex'),
    parentSpanId: Buffer.from(span.parentSpanId, 'hex'),
    cause: cause ?? '',
  }
}
