import { latencyQuantileMs } from '../../model/telemetry/mod.ts'
import type { EdgeAnswer, GraphAnswer } from '../api/mod.ts'
import { denseCells } from './edge-counts.ts'
import type { Edge } from './window.ts'

/** The live picture: each edge with its rates and latencies, sorted by names. `spanMs` is the time in which it was counted. */
export function graphOf(edges: readonly Edge[], windowMs: number, spanMs: number): GraphAnswer {
  const answers = edges.map(edge => edgeAnswer(edge, spanMs))
  answers.sort((a, b) => compare(a.source, b.source) || compare(a.destination, b.destination))
  return { windowMs, edges: answers }
}

function edgeAnswer({ source, destination, counts }: Edge, spanMs: number): EdgeAnswer {
  const cells = denseCells(counts)
  return {
    source,
    destination,
    requests: counts.requests,
    requestsPerSecond: (counts.requests * 1000) / spanMs,
    successRate: share(counts.successes, counts.requests),
    // Of those that came to a connection: what a breaker refuses says nothing about the wire.
    mtlsRate: share(counts.mtlsRequests, counts.mtlsRequests + counts.plaintextRequests),
    p50Ms: latencyQuantileMs(cells, 0.5),
    p99Ms: latencyQuantileMs(cells, 0.99),
    retries: counts.retries,
    causes: Object.fromEntries([...counts.causes].sort(([a], [b]) => compare(a, b))),
  }
}

/** Nothing out of nothing is all of it: an edge without requests has had no failure. */
function share(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
