import type { HttpRouteResource } from '../resources/mod.ts'
import type { PathMatch, RouteEntry } from '../snapshot/mod.ts'
import { compareAge } from './order.ts'

/** An entry with what decides ties: the age and name of its route, and its place there. */
export interface RankedEntry {
  readonly entry: RouteEntry
  readonly route: HttpRouteResource
  readonly ruleIndex: number
  readonly matchIndex: number
}

/**
 * The order of Gateway API (HTTPRouteRule, `matches`; GW-1): exact path, longest prefix, a method, most headers, most query parameters,
 * oldest route, `namespace/name`, first rule, first match.
 *
 * Where regular expressions stand the standard leaves to the implementation. Here they come after exact paths and before prefixes
 * (the longer expression first): whoever writes one means something particular, and behind the prefixes a rule for `/` would always
 * shadow it.
 */
export function compareEntries(a: RankedEntry, b: RankedEntry): number {
  return (
    PATH_RANK[a.entry.path.kind] - PATH_RANK[b.entry.path.kind] ||
    pathLength(b.entry.path) - pathLength(a.entry.path) ||
    methodRank(a.entry) - methodRank(b.entry) ||
    b.entry.headers.length - a.entry.headers.length ||
    b.entry.query.length - a.entry.query.length ||
    compareAge(a.route, b.route) ||
    a.ruleIndex - b.ruleIndex ||
    a.matchIndex - b.matchIndex
  )
}

const PATH_RANK: Readonly<Record<PathMatch['kind'], number>> = { exact: 0, regex: 1, prefix: 2 }

/** Exact paths don't outrank each other: at most one of them matches a request. */
function pathLength(path: PathMatch): number {
  return path.kind === 'exact' ? 0 : path.value.length
}

function methodRank(entry: RouteEntry): number {
  return entry.method === undefined ? 1 : 0
}
