import type { EdgeReport } from '../../model/telemetry/mod.ts'
import { addCounts, addReport, type EdgeCounts, emptyCounts } from './edge-counts.ts'

/** How far back a graph can look, in seconds: enough for "what happened just now", and bounded. */
export const WINDOW_SECONDS = 120
/** Edges that are told apart; a mesh of a thousand services in which each calls ten. What comes on top is counted together. */
export const EDGES_MAX = 10_000
/** Where what doesn't fit is counted, so that totals stay true. */
const OTHER = 'other'

/** One edge, and what was counted on it. */
export interface Edge {
  readonly source: string
  readonly destination: string
  readonly counts: EdgeCounts
}

/** Counts of each edge, second by second for two minutes, and since the start. */
export interface EdgeWindow {
  add(report: EdgeReport, nowMs: number): void
  /**
   * What was counted in the last `windowMs` milliseconds, in whole seconds, at most `WINDOW_SECONDS`; 0 is since the start. `spanMs` is
   * how much time that is. An edge on which nothing was counted is not in it.
   */
  edges(windowMs: number, nowMs: number): { readonly spanMs: number; readonly edges: readonly Edge[] }
}

interface EdgeState {
  readonly source: string
  readonly destination: string
  readonly total: EdgeCounts
  /** By second. */
  readonly seconds: Map<number, EdgeCounts>
}

/** Times are monotonic milliseconds; `startMs` is when counting began. */
export function createEdgeWindow(startMs: number): EdgeWindow {
  const edges = new Map<string, EdgeState>()

  function stateOf(source: string, destination: string): EdgeState {
    const id = `${source} ${destination}`
    const known = edges.get(id)
    if (known !== undefined) return known
    if (edges.size >= EDGES_MAX && source !== OTHER) return stateOf(OTHER, OTHER)
    const made = { source, destination, total: emptyCounts(), seconds: new Map<number, EdgeCounts>() }
    edges.set(id, made)
    return made
  }

  return {
    add(report, nowMs) {
      const state = stateOf(report.source, report.destination)
      const second = Math.floor(nowMs / 1000)
      let counts = state.seconds.get(second)
      if (counts === undefined) {
        counts = emptyCounts()
        state.seconds.set(second, counts)
        forgetBefore(state.seconds, second - WINDOW_SECONDS)
      }
      addReport(counts, report)
      addReport(state.total, report)
    },
    edges(windowMs, nowMs) {
      if (windowMs === 0) {
        const spanMs = Math.max(1, nowMs - startMs)
        return { spanMs, edges: [...edges.values()].map(edge => ({ ...edge, counts: edge.total })) }
      }
      const seconds = Math.min(WINDOW_SECONDS, Math.max(1, Math.ceil(windowMs / 1000)))
      // The second that is under way is part of the window, so that a live table doesn't lag; the time that has passed is what counts.
      const from = Math.floor(nowMs / 1000) - seconds + 1
      const spanMs = Math.max(1, nowMs - Math.max(from * 1000, startMs))
      const found: Edge[] = []
      for (const { source, destination, seconds: bySecond } of edges.values()) {
        const counts = emptyCounts()
        for (const [second, part] of bySecond) if (second >= from) addCounts(counts, part)
        if (counts.requests > 0) found.push({ source, destination, counts })
      }
      return { spanMs, edges: found }
    },
  }
}

/** Seconds stand in the order in which they came. */
function forgetBefore(seconds: Map<number, EdgeCounts>, first: number): void {
  for (const second of seconds.keys()) {
    if (second > first) return
    seconds.delete(second)
  }
}
