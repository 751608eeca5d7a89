import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HttpRouteResource } from '../resources/mod.ts'
import type { NamedMatch, PathMatch } from '../snapshot/mod.ts'
import { compareEntries, type RankedEntry } from './precedence.ts'

const kind = fc.constantFrom('exact' as const, 'prefix' as const, 'regex' as const)
const path: fc.Arbitrary<PathMatch> = fc.record({ kind, value: fc.stringMatching(/^\/[ab]{0,3}$/) })
const named: fc.Arbitrary<NamedMatch[]> = fc.array(
  fc.record({ name: fc.constantFrom('a', 'b'), kind: fc.constant('exact' as const), value: fc.constant('x') }),
  { maxLength: 2 },
)
const route = fc
  .record({
    namespace: fc.constantFrom('a', 'b'),
    name: fc.constantFrom('r', 's'),
    created: fc.constantFrom(undefined, '2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z', '2026-01-01T01:00:00+01:00'),
  })
  .map(
    ({ namespace, name, created }): HttpRouteResource => ({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { namespace, name, labels: {}, creationTimestamp: created },
      spec: { parentRefs: [], rules: [] },
    }),
  )
const entry: fc.Arbitrary<RankedEntry> = fc
  .record({
    path,
    method: fc.constantFrom(undefined, 'GET'),
    headers: named,
    query: named,
    route,
    ruleIndex: fc.nat(2),
    matchIndex: fc.nat(2),
  })
  .map(({ route, ruleIndex, matchIndex, ...match }) => ({
    entry: { ports: [], rule: 0, ...match },
    route,
    ruleIndex,
    matchIndex,
  }))

/** GW-1 word by word: what is told apart at each step, the greatest first. */
function plainKey({ entry, route, ruleIndex, matchIndex }: RankedEntry): (number | string)[] {
  const { creationTimestamp, namespace, name } = route.metadata
  return [
    entry.path.kind === 'exact' ? 0 : 1,
    entry.path.kind === 'regex' ? 0 : 1,
    entry.path.kind === 'exact' ? 0 : -entry.path.value.length,
    entry.method === undefined ? 1 : 0,
    -entry.headers.length,
    -entry.query.length,
    creationTimestamp === undefined ? Number.MAX_SAFE_INTEGER : new Date(creationTimestamp).getTime(),
    `${namespace}/${name}`,
    ruleIndex,
    matchIndex,
  ]
}

function comparePlain(a: RankedEntry, b: RankedEntry): number {
  const left = plainKey(a)
  const right = plainKey(b)
  const place = left.findIndex((part, index) => part !== right[index])
  return place === -1 ? 0 : left[place]! < right[place]! ? -1 : 1
}

describe('precedence of matches [GW-1]', () => {
  test('is what the standard says, step by step', () => {
    fc.assert(
      fc.property(entry, entry, (a, b) => Math.sign(compareEntries(a, b)) === comparePlain(a, b)),
      { numRuns: 2000 },
    )
  })

  test('does not depend on the order in which matches come', () => {
    fc.assert(
      fc.property(
        fc
          .array(entry, { maxLength: 12 })
          .chain(list => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          const keys = (entries: readonly RankedEntry[]) => entries.toSorted(compareEntries).map(plainKey)
          expect(keys(shuffled)).toEqual(keys(list))
        },
      ),
    )
  })
})
