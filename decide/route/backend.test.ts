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

test('weights of 90 and 10 hold within one percentage point over 20,000 requests', () => {
  const [stable, canary] = [backend(90), backend(10, 'canary')]
  const split = ruleWith([stable, canary])
  const random = seededRandom(1)
  let canaries = 0
  for (let i = 0; i < 20_000; i++) if (pickBackend(split, random) === canary) canaries += 1
  expect(Math.abs(canaries / 20_000 - 0.1)).toBeLessThan(0.01)
})

test('any weights: the shares converge, and a weight of 0 gets nothing', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 6 }),
      fc.integer(),
      (weights, seed) => {
        const backends = weights.map(weight => backend(weight))
        const split = ruleWith(backends)
        const random = seededRandom(seed)
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        const counts = new Map<Backend | undefined, number>()
        for (let i = 0; i < 2_000; i++) {
          const picked = pickBackend(split, random)
          counts.set(picked, (counts.get(picked) ?? 0) + 1)
        }
        if (total === 0) expect(counts.get(undefined)).toBe(2_000)
        else {
          for (const each of backends) {
            const share = (counts.get(each) ?? 0) / 2_000
            if (each.weight === 0) expect(share).toBe(0)
            // Six standard deviations of a share of one half.
            else expect(Math.abs(share - each.weight / total)).toBeLessThan(0.07)
          }
        }
      },
    ),
    { numRuns: 50 },
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
