import type { EdgeReport, Span, TelemetryReport } from '../../model/telemetry/mod.ts'

/** Edges in one report. A sidecar reports one caller; more than this is a fault. */
const REPORT_EDGES_MAX = 2_000
/** Spans in one report. */
const REPORT_SPANS_MAX = 2_000
/** `namespace/name`, an external host: RFC 1035 allows 255 bytes. */
const NAME_TEXT_MAX = 320

/**
 * What of a report is the reporter's own to say: requests that a service of its namespace has made, and spans that it took part in. The
 * rest is left out, and so is what goes beyond the bounds.
 */
export function admitReport(report: TelemetryReport, namespace: string): TelemetryReport {
  const own = `${namespace}/`
  return {
    workload: report.workload,
    edges: report.edges.slice(0, REPORT_EDGES_MAX).filter(edge => isOwnEdge(edge, own)),
    spans: report.spans.slice(0, REPORT_SPANS_MAX).filter(span => isOwnSpan(span, own)),
  }
}

function isOwnEdge(edge: EdgeReport, own: string): boolean {
  return edge.source.startsWith(own) && edge.source.length <= NAME_TEXT_MAX && edge.destination.length <= NAME_TEXT_MAX
}

/** The called side's sidecar speaks as the destination; the caller's, as the source. Both make attempts: one at an endpoint, one at its application. */
function isOwnSpan(span: Span, own: string): boolean {
  const asSource = span.kind !== 'server' && span.source.startsWith(own)
  const asDestination = span.kind !== 'client' && span.destination.startsWith(own)
  return (asSource || asDestination) && span.source.length <= NAME_TEXT_MAX && span.destination.length <= NAME_TEXT_MAX
}
