import type { EdgeReport } from '../../model/telemetry/mod.ts'
import { LATENCY_CELLS } from '../../model/telemetry/mod.ts'

/** What was counted on one edge (caller's service, called service) within some span of time. */
export interface EdgeCounts {
  requests: number
  successes: number
  mtlsRequests: number
  plaintextRequests: number
  retries: number
  readonly causes: Map<string, number>
  /** Sparse cells of a latency histogram: most edges fill a few dozen of two hundred. */
  readonly latency: Map<number, number>
}

export function emptyCounts(): EdgeCounts {
  return {
    requests: 0,
    successes: 0,
    mtlsRequests: 0,
    plaintextRequests: 0,
    retries: 0,
    causes: new Map(),
    latency: new Map(),
  }
}

/** Adds what a sidecar reported. */
export function addReport(counts: EdgeCounts, report: EdgeReport): void {
  counts.requests += report.requests
  counts.successes += report.successes
  counts.mtlsRequests += report.mtlsRequests
  counts.plaintextRequests += report.plaintextRequests
  counts.retries += report.retries
  for (const { cause, count } of report.causes) bump(counts.causes, cause, count)
  for (const { cell, count } of report.latency) if (cell < LATENCY_CELLS) bump(counts.latency, cell, count)
}

export function addCounts(counts: EdgeCounts, more: EdgeCounts): void {
  counts.requests += more.requests
  counts.successes += more.successes
  counts.mtlsRequests += more.mtlsRequests
  counts.plaintextRequests += more.plaintextRequests
  counts.retries += more.retries
  for (const [cause, count] of more.causes) bump(counts.causes, cause, count)
  for (const [cell, count] of more.latency) bump(counts.latency, cell, count)
}

/** All cells of the histogram, for reading quantiles. */
export function denseCells(counts: EdgeCounts): Float64Array {
  const cells = new Float64Array(LATENCY_CELLS)
  for (const [cell, count] of counts.latency) cells[cell] = count
  return cells
}

function bump<K>(map: Map<K, number>, key: K, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by)
}
