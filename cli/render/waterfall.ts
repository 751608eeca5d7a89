import type { Span } from '../../model/telemetry/mod.ts'
import { milliseconds } from './numbers.ts'
import { tableLines } from './table.ts'

/** A bar's width in characters: room for one beside the names on a terminal of 120 columns. */
const BAR_COLUMNS = 40

/** One request across all sidecars: a line for each span, indented below the one that caused it, with a bar for when it was. */
export function waterfallLines(traceId: string, spans: readonly Span[]): string[] {
  if (spans.length === 0) return [`trace ${traceId} has no spans`]
  const startUs = Math.min(...spans.map(span => span.startUs))
  const endUs = Math.max(...spans.map(span => span.startUs + span.durationUs))
  const rows = treeOrder(spans).map(({ span, depth }) => [
    `${'  '.repeat(depth)}${spanText(span)}`,
    outcomeText(span),
    milliseconds(span.durationUs / 1000),
    bar(span, startUs, endUs - startUs),
  ])
  const head = `trace ${traceId}: ${milliseconds((endUs - startUs) / 1000)}, ${spans.length} spans`
  return [
    head,
    ...tableLines(
      [{ heading: 'SPAN' }, { heading: 'OUTCOME' }, { heading: 'TOOK', align: 'right' }, { heading: 'WHEN' }],
      rows,
    ),
  ]
}

/** Parents before their children, children by their start. A span whose parent was not kept stands at the top. */
export function treeOrder(spans: readonly Span[]): { readonly span: Span; readonly depth: number }[] {
  const known = new Set(spans.map(span => span.spanId))
  const children = Map.groupBy(
    spans.toSorted((a, b) => a.startUs - b.startUs),
    span => (known.has(span.parentSpanId) && span.parentSpanId !== span.spanId ? span.parentSpanId : ''),
  )
  const ordered: { span: Span; depth: number }[] = []
  const visit = (parent: string, depth: number): void => {
    for (const span of children.get(parent) ?? []) {
      ordered.push({ span, depth })
      visit(span.spanId, depth + 1)
    }
  }
  visit('', 0)
  return ordered
}

function spanText(span: Span): string {
  switch (span.kind) {
    case 'client':
      return `${span.source} calls ${span.destination}: ${span.method} ${span.path}`
    case 'attempt':
      return `attempt at ${span.endpoint === '' ? 'nobody' : span.endpoint}`
    case 'server':
      return `${span.destination} answers`
  }
}

function outcomeText(span: Span): string {
  const status = span.status === 0 ? 'no answer' : String(span.status)
  return span.cause === undefined || span.cause === null ? status : `${status} ${span.cause}`
}

function bar(span: Span, startUs: number, totalUs: number): string {
  const scale = totalUs <= 0 ? 0 : BAR_COLUMNS / totalUs
  const from = Math.min(BAR_COLUMNS - 1, Math.floor((span.startUs - startUs) * scale))
  const width = Math.max(1, Math.min(BAR_COLUMNS - from, Math.round(span.durationUs * scale)))
  return `${' '.repeat(from)}${'█'.repeat(width)}`
}
