import type { Edge } from '../rest/answers.ts'
import { milliseconds, percent, perSecond } from './numbers.ts'
import { type Column, tableLines } from './table.ts'

const COLUMNS: readonly Column[] = [
  { heading: 'SOURCE' },
  { heading: 'DESTINATION' },
  { heading: 'REQ/S', align: 'right' },
  { heading: 'SUCCESS', align: 'right' },
  { heading: 'P50', align: 'right' },
  { heading: 'P99', align: 'right' },
  { heading: 'MTLS', align: 'right' },
  { heading: 'RETRIES', align: 'right' },
  { heading: 'CAUSES' },
]

/** The live table: one line for each edge, in the order of names, so that a line stays in its place while its numbers change. */
export function edgeTableLines(edges: readonly Edge[]): string[] {
  return tableLines(
    COLUMNS,
    sortEdges(edges).map(edge => [
      edge.source,
      edge.destination,
      perSecond(edge.requestsPerSecond),
      percent(edge.successRate),
      milliseconds(edge.p50Ms),
      milliseconds(edge.p99Ms),
      percent(edge.mtlsRate),
      edge.retries === 0 ? '-' : String(edge.retries),
      causesText(edge.causes),
    ]),
  )
}

export function sortEdges(edges: readonly Edge[]): Edge[] {
  const key = (edge: Edge): string => `${edge.source} ${edge.destination}`
  return edges.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
}

/** `circuit-open 12, request-timeout 1`; empty where all is well. */
function causesText(causes: Edge['causes']): string {
  return Object.entries(causes)
    .map(([cause, count]) => `${cause} ${count}`)
    .join(', ')
}
