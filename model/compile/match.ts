import type { Port } from '../../common/mod.ts'
import type { HttpRouteRule } from '../resources/mod.ts'
import type { NamedMatch, PathMatch, RouteEntry } from '../snapshot/mod.ts'

type MatchResource = HttpRouteRule['matches'][number]
type NamedResource = NonNullable<MatchResource['headers']>[number]

const PATH_KINDS = { Exact: 'exact', PathPrefix: 'prefix', RegularExpression: 'regex' } as const
const VALUE_KINDS = { Exact: 'exact', RegularExpression: 'regex' } as const

/** One match of the rule that stands at `rule` in the snapshot. */
export function compileMatch(match: MatchResource, ports: readonly Port[], rule: number): RouteEntry {
  const { path, method, headers = [], queryParams = [] } = match
  return {
    ports,
    rule,
    path: compilePath(path),
    method,
    headers: namedMatches(headers, name => name.toLowerCase()),
    query: namedMatches(queryParams, name => name),
  }
}

/** GW-3: a trailing slash of a prefix means nothing. */
export function normalisePrefix(prefix: string): string {
  return prefix.length > 1 && prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
}

function compilePath({ type, value }: MatchResource['path']): PathMatch {
  return { kind: PATH_KINDS[type], value: type === 'PathPrefix' ? normalisePrefix(value) : value }
}

/** GW-5: of several with one name only the first counts. */
function namedMatches(matches: readonly NamedResource[], keyOf: (name: string) => string): NamedMatch[] {
  const byName = new Map<string, NamedMatch>()
  for (const { name, type, value } of matches) {
    const key = keyOf(name)
    if (!byName.has(key)) byName.set(key, { name: key, kind: VALUE_KINDS[type], value })
  }
  return [...byName.values()]
}
