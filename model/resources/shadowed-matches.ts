import type { HttpRouteResource } from './http-route.ts'
import { resourceId } from './problem.ts'

type Match = HttpRouteResource['spec']['rules'][number]['matches'][number]
type Warn = (path: string, message: string) => void

/**
 * Warns of matches that no request will ever reach, since another takes the same requests and comes first: an earlier one of the same
 * route, or one of an older route of the same Service. `rivals`: the other routes of the mesh; `keys` is shared by all calls.
 */
export function checkMatches(
  route: HttpRouteResource,
  rivals: Iterable<HttpRouteResource>,
  keys: MatchKeys,
  warn: Warn,
): void {
  const own = new Map<string, string>()
  for (const [path, match] of matchesOf(route)) checkNames(path, match, warn)
  for (const [path, key] of keys.of(route)) {
    const first = own.get(key)
    if (first === undefined) own.set(key, path)
    else warn(path, `can never match: ${first} takes the same requests, and comes first`)
  }
  for (const rival of rivals) {
    if (!meet(route, rival)) continue
    for (const [path, key] of keys.of(rival)) {
      const here = own.get(key)
      if (here === undefined) continue
      warn(
        here,
        `takes the same requests as ${path} of ${resourceId(rival)}: the older of the two routes gets them all`,
      )
    }
  }
}

/** What each match of a route takes, as text: worked out once for each route, however many it is held against. */
export class MatchKeys {
  readonly #known = new Map<HttpRouteResource, readonly (readonly [path: string, key: string])[]>()

  of(route: HttpRouteResource): readonly (readonly [path: string, key: string])[] {
    const known = this.#known.get(route) ?? [...matchesOf(route)].map(([path, match]) => [path, keyOf(match)] as const)
    this.#known.set(route, known)
    return known
  }
}

function* matchesOf(route: HttpRouteResource): Generator<readonly [path: string, match: Match]> {
  for (const [ruleIndex, { matches }] of route.spec.rules.entries()) {
    for (const [index, match] of matches.entries()) yield [`spec.rules[${ruleIndex}].matches[${index}]`, match]
  }
}

/** Of two entries with one name only the first counts (Gateway API). */
function checkNames(path: string, match: Match, warn: Warn): void {
  const seen = new Set<string>()
  for (const [field, entries] of [
    ['headers', match.headers],
    ['queryParams', match.queryParams],
  ] as const) {
    for (const [index, { name }] of (entries ?? []).entries()) {
      const id = `${field} ${field === 'headers' ? name.toLowerCase() : name}`
      if (seen.has(id))
        warn(`${path}.${field}[${index}]`, `has no effect: of two entries for ${name} only the first counts`)
      seen.add(id)
    }
  }
}

/** Two matches with one key take the same requests, and neither is more specific. */
function keyOf({ path, method, headers = [], queryParams = [] }: Match): string {
  // Of a prefix, a trailing "/" is ignored.
  const value = path.type === 'PathPrefix' ? path.value.replace(/\/+$/, '') : path.value
  return JSON.stringify([path.type, value, method ?? '', named(headers, true), named(queryParams, false)])
}

function named(
  entries: readonly { readonly type: string; readonly name: string; readonly value: string }[],
  withoutCase: boolean,
): unknown {
  const first = new Map<string, readonly [string, string]>()
  for (const { type, name, value } of entries) {
    const key = withoutCase ? name.toLowerCase() : name
    if (!first.has(key)) first.set(key, [type, value])
  }
  return [...first].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Whether both route requests of the same callers to one port of one Service. */
function meet(a: HttpRouteResource, b: HttpRouteResource): boolean {
  // A route in the Service's own namespace gives way to those of the callers' (GAMMA): they don't compete.
  if (a.metadata.namespace !== b.metadata.namespace || a.metadata.name === b.metadata.name) return false
  const { namespace } = a.metadata
  return a.spec.parentRefs.some(left =>
    b.spec.parentRefs.some(
      right =>
        left.name === right.name &&
        (left.namespace ?? namespace) === (right.namespace ?? namespace) &&
        (left.port === undefined || right.port === undefined || left.port === right.port),
    ),
  )
}
