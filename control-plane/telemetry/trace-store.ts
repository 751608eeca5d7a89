import type { Span } from '../../model/telemetry/mod.ts'
import type { TraceAnswer, TraceReader, TraceSummary } from '../api/mod.ts'

/** Traces that are kept; the oldest goes first. */
export const TRACES_MAX = 5_000
/** Spans of all traces together: at about 0.5 KiB each 25 MiB, and 100 MiB where every text in them is as long as it may be. */
export const SPANS_TOTAL_MAX = 50_000
/** Spans that are kept of one trace: a request that crosses dozens of services. */
export const SPANS_MAX = 200
/** Summaries in one answer. */
const LIST_MAX = 500

/** Spans by trace, as they come from all sidecars, within bounds. */
export interface TraceStore extends TraceReader {
  add(span: Span): void
}

export function createTraceStore(): TraceStore {
  /** In the order in which each trace was first heard of. */
  const traces = new Map<string, Map<string, Span>>()
  let total = 0

  function forgetOldest(): void {
    for (const [traceId, spans] of traces) {
      traces.delete(traceId)
      total -= spans.size
      return
    }
  }

  return {
    add(span) {
      let spans = traces.get(span.traceId)
      if (spans === undefined) {
        spans = new Map()
        traces.set(span.traceId, spans)
        if (traces.size > TRACES_MAX) forgetOldest()
      }
      if (spans.has(span.spanId)) spans.set(span.spanId, span)
      else if (spans.size < SPANS_MAX) {
        spans.set(span.spanId, span)
        total++
        if (total > SPANS_TOTAL_MAX) forgetOldest()
      }
    },
    trace(traceId) {
      const spans = traces.get(traceId)
      return spans === undefined ? undefined : traceAnswer(traceId, spans)
    },
    traces({ slow, limit }) {
      const summaries: TraceSummary[] = []
      for (const [traceId, spans] of traces) summaries.push(summaryOf(traceId, spans))
      summaries.sort(slow ? (a, b) => b.durationUs - a.durationUs : (a, b) => b.startUs - a.startUs)
      return { traces: summaries.slice(0, Math.min(limit, LIST_MAX)) }
    },
  }
}

/** Spans stand in order of their start; a parent before the children that began in the same microsecond. */
function traceAnswer(traceId: string, spans: ReadonlyMap<string, Span>): TraceAnswer {
  const sorted = [...spans.values()].sort(
    (a, b) => a.startUs - b.startUs || b.durationUs - a.durationUs || (a.spanId < b.spanId ? -1 : 1),
  )
  return { traceId, spans: sorted }
}

function summaryOf(traceId: string, spans: ReadonlyMap<string, Span>): TraceSummary {
  const root = rootOf(spans)
  return {
    traceId,
    startUs: root.startUs,
    durationUs: root.durationUs,
    root,
    spans: spans.size,
    status: root.status,
    cause: root.cause ?? null,
  }
}

/** The first span whose parent is not known here: an application may have begun the trace, so its own span may never come. */
function rootOf(spans: ReadonlyMap<string, Span>): Span {
  let root: Span | undefined
  for (const span of spans.values()) {
    if (spans.has(span.parentSpanId)) continue
    if (root === undefined || span.startUs < root.startUs) root = span
  }
  // Spans that name each other in a circle have no root; any of them stands for the trace.
  for (const span of spans.values()) root ??= span
  return root as Span
}
