import type { EdgeReport } from '../../model/telemetry/mod.ts'
import { addCounts, addReport, type EdgeCounts, emptyCounts } from './edge-counts.ts'

/** How far back a graph can look, in seconds: enough for "what happened just now", and bounded. */
const WINDOW_SECONDS = 120
/**
 * The newest seconds are kept one by one; older ones are put together, this many at a time. A live table is exact to the second, and an
 * edge takes 23 histograms (about 30 KiB when it is busy) instead of 120.
 */
const FINE_SECONDS = 15
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

/** Counts of each edge, for the last two minutes by time, and since the start. */
export interface EdgeWindow {
  add(report: EdgeReport, nowMs: number): void
  /**
   * What was counted in the last `windowMs` milliseconds, at most `WINDOW_SECONDS`; 0 is since the start. `spanMs` is how much time that
   * is: up to 15 s rounded to whole seconds, above that with up to 15 s more. An edge on which nothing was counted is not in it.
   */
  edges(windowMs: number, nowMs: number): { readonly spanMs: number; readonly edges: readonly Edge[] }
}

interface EdgeState {
  readonly source: string
  readonly destination: string
  readonly total: EdgeCounts
  /** By the second in which they begin: parts of one second, in the order in which they came. */
  readonly fine: Map<number, EdgeCounts>
  /** By the second in which they begin, a multiple of `FINE_SECONDS`: what `fine` has handed on. */
  readonly coarse: Map<number, EdgeCounts>
}

/** Times are monotonic milliseconds; `startMs` is when counting began. */
export function createEdgeWindow(startMs: number): EdgeWindow {
  const edges = new Map<string, EdgeState>()

  function stateOf(source: string, destination: string): EdgeState {
    const id = `${source} ${destination}`
    const known = edges.get(id)
    if (known !== undefined) return known
    if (edges.size >= EDGES_MAX && source !== OTHER) return stateOf(OTHER, OTHER)
    const made: EdgeState = { source, destination, total: emptyCounts(), fine: new Map(), coarse: new Map() }
    edges.set(id, made)
    return made
  }

  return {
    add(report, nowMs) {
      const state = stateOf(report.source, report.destination)
      const second = Math.floor(nowMs / 1000)
      if (!state.fine.has(second)) age(state, second)
      addReport(countsAt(state.fine, second), report)
      addReport(state.total, report)
    },
    edges(windowMs, nowMs) {
      if (windowMs === 0) {
        const spanMs = Math.max(1, nowMs - startMs)
        return { spanMs, edges: [...edges.values()].map(edge => ({ ...edge, counts: edge.total })) }
      }
      const from = beginOf(windowMs, nowMs)
      const spanMs = Math.max(1, nowMs - Math.max(from * 1000, startMs))
      const found: Edge[] = []
      for (const { source, destination, fine, coarse } of edges.values()) {
        const counts = emptyCounts()
        for (const parts of [coarse, fine]) {
          for (const [second, part] of parts) if (second >= from) addCounts(counts, part)
        }
        if (counts.requests > 0) found.push({ source, destination, counts })
      }
      return { spanMs, edges: found }
    },
  }
}

/**
 * The second in which a window begins. The second that is under way is part of it, so that a live table doesn't lag. A window that is
 * longer than what is kept by the second begins where a coarse part does.
 */
function beginOf(windowMs: number, nowMs: number): number {
  const seconds = Math.min(WINDOW_SECONDS, Math.max(1, Math.ceil(windowMs / 1000)))
  const from = Math.floor(nowMs / 1000) - seconds + 1
  return seconds <= FINE_SECONDS ? from : coarseBegin(from)
}

function coarseBegin(second: number): number {
  return Math.floor(second / FINE_SECONDS) * FINE_SECONDS
}

/** Makes room for a new second: hands old ones on, and forgets what no window can ask for. */
function age({ fine, coarse }: EdgeState, newest: number): void {
  for (const [second, counts] of fine) {
    if (second > newest - FINE_SECONDS) break
    fine.delete(second)
    addCounts(countsAt(coarse, coarseBegin(second)), counts)
  }
  for (const second of coarse.keys()) {
    if (second >= coarseBegin(newest - WINDOW_SECONDS)) break
    coarse.delete(second)
  }
}

function countsAt(parts: Map<number, EdgeCounts>, second: number): EdgeCounts {
  const known = parts.get(second)
  if (known !== undefined) return known
  const made = emptyCounts()
  parts.set(second, made)
  return made
}
