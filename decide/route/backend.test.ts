import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/mod.ts'
import type { Backend } from '../../model/snapshot/mod.ts'
import { matchRoute, type PreparedRule, pickBackend, prepareRoutes } from './mod.ts'
import { backend, entry, request, rule, service } from './routes.fixture.ts'

function ruleWith(backends: readonly Backend[]): PreparedRule {
  const routes = prepareRoutes(service({ kind: 'routes', entries: [entry()], rules: [rule('#0', backends)] }))
  if (!routes.ok) throw new Error(routes.error.message)
  const match = matchRoute(routes.value, 8080, request('/'))
  if (match.kind !== 'rule') throw new Error(match.kind)
  return match.rule
}

test('[GW-6] weights of 90 and 10 hold within one percentage point over 20,000 requests', () => {
  const [stable, canary] = [backend(90), backend(10, 'canary')]
  const split = ruleWith([stable, canary])
  const random = seededRandom(1)
  let canaries = 0
  for (let i = 0; i < 20_000; i++) if (pickBackend(split, random) === canary) canaries += 1
  expect(Math.abs(canaries / 20_000 - 0.1)).toBeLessThan(0.01)
})

/**
 * How far counts lie from what is expected of them: Pearson's chi-square, in standard deviations of its distribution
 * (mean k, variance 2k, for k degrees of freedom).
 */
function surprise(counts: readonly number[], expected: readonly number[]): number {
  const freedom = counts.length - 1
  const chiSquare = counts.reduce((sum, count, index) => sum + (count - expected[index]!) ** 2 / expected[index]!, 0)
  return (chiSquare - freedom) / Math.sqrt(2 * freedom)
}

const PICKS = 4_000

function countsOf(backends: readonly Backend[], seed: number): Map<Backend | undefined, number> {
  const split = ruleWith(backends)
  const random = seededRandom(seed)
  const counts = new Map<Backend | undefined, number>()
  for (let i = 0; i < PICKS; i++) {
    const picked = pickBackend(split, random)
    counts.set(picked, (counts.get(picked) ?? 0) + 1)
  }
  return counts
}

test('[GW-6] any weights: each backend gets the share of its weight, and one of 0 gets nothing', () => {
  const weight = fc.oneof(fc.constant(0), fc.integer({ min: 20, max: 100 }))
  fc.assert(
    fc.property(fc.array(weight, { minLength: 2, maxLength: 6 }), fc.integer(), (weights, seed) => {
      const backends = weights.map(each => backend(each))
      const total = weights.reduce((sum, each) => sum + each, 0)
      const counts = countsOf(backends, seed)
      for (const each of backends) if (each.weight === 0) expect(counts.has(each)).toBe(false)
      const weighty = backends.filter(each => each.weight > 0)
      if (weighty.length === 0) expect(counts.get(undefined)).toBe(PICKS)
      if (weighty.length < 2) return
      const expected = weighty.map(each => (PICKS * each.weight) / total)
      // Chance alone goes as far once in ten million times.
      const found = surprise(
        weighty.map(each => counts.get(each) ?? 0),
        expected,
      )
      expect(found).toBeLessThan(20)
    }),
    { numRuns: 100 },
  )
})

test('[GW-6] weights are shares of their sum, whatever that is', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(9), { minLength: 2, maxLength: 6 }),
      fc.integer(),
      fc.nat(1_000),
      (weights, seed, by) => {
        // The same draws with all weights multiplied: the same backends.
        const picksOf = (factor: number): (number | undefined)[] => {
          const backends = weights.map(each => backend(each * factor))
          const split = ruleWith(backends)
          const random = seededRandom(seed)
          return Array.from({ length: 50 }, () => {
            const picked = pickBackend(split, random)
            return picked === undefined ? undefined : backends.indexOf(picked)
          })
        }
        expect(picksOf(by + 1)).toEqual(picksOf(1))
      },
    ),
  )
})

test('the ends of what may be drawn belong to the first and the last that has a weight', () => {
  const backends = [backend(0), backend(1), backend(0), backend(3), backend(0)]
  const split = ruleWith(backends)
  expect(pickBackend(split, () => 0)).toBe(backends[1])
  expect(pickBackend(split, () => 0.2499)).toBe(backends[1])
  expect(pickBackend(split, () => 0.25)).toBe(backends[3])
  expect(pickBackend(split, () => 1 - 2 ** -53)).toBe(backends[3])
})

test('an invalid backend keeps its share [GW-7]', () => {
  const invalid: Backend = { kind: 'invalid', why: 'no such Service', weight: 1 }
  expect(pickBackend(ruleWith([backend(1), invalid]), () => 0.9)).toBe(invalid)
})

test('nobody is picked without backends, or when the only weight is 0', () => {
  expect(pickBackend(ruleWith([]), () => 0)).toBeUndefined()
  expect(pickBackend(ruleWith([backend(0)]), () => 0)).toBeUndefined()
  expect(pickBackend(ruleWith([backend(0), backend(0)]), () => 0.5)).toBeUndefined()
})
