import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RetryBudget } from './mod.ts'

const DEFAULTS = { percent: 20, minPerSecond: 10, windowMs: 10_000 }

function taken(budget: RetryBudget, tries: number, nowMs: number): number {
  let count = 0
  for (let i = 0; i < tries; i++) if (budget.tryTake(nowMs)) count += 1
  return count
}

describe('retry budget [RETRY-8]', () => {
  test('without traffic the minimum of the window is there, and no more', () => {
    expect(taken(new RetryBudget(DEFAULTS, 0), 500, 0)).toBe(100)
  })

  test('a fifth of the requests of the window may be retried', () => {
    const budget = new RetryBudget(DEFAULTS, 0)
    for (let i = 0; i < 10_000; i++) budget.requestSeen(i / 2)
    expect(taken(budget, 10_000, 5_000)).toBe(2_000)
  })

  test('requests that have left the window buy no retries', () => {
    const budget = new RetryBudget({ ...DEFAULTS, minPerSecond: 0 }, 0)
    for (let i = 0; i < 1_000; i++) budget.requestSeen(0)
    expect(taken(budget, 1, 9_000)).toBe(1)
    expect(taken(budget, 1, 10_001)).toBe(0)
  })

  test('retries count until they have left the window', () => {
    const budget = new RetryBudget(DEFAULTS, 0)
    expect(taken(budget, 500, 0)).toBe(100)
    expect(taken(budget, 500, 9_999)).toBe(0)
    expect(taken(budget, 500, 10_500)).toBe(100)
  })

  test('a quiet hour saves nothing up', () => {
    const budget = new RetryBudget(DEFAULTS, 0)
    for (let i = 0; i < 10_000; i++) budget.requestSeen(0)
    expect(taken(budget, 5_000, 3_600_000)).toBe(100)
  })

  test('nothing is allowed with 0 percent and no minimum', () => {
    const budget = new RetryBudget({ percent: 0, minPerSecond: 0, windowMs: 10_000 }, 0)
    budget.requestSeen(0)
    expect(budget.tryTake(0)).toBe(false)
    expect(budget.ratio(0)).toBe(1)
  })

  test('the ratio is the share that is spent', () => {
    const budget = new RetryBudget(DEFAULTS, 0)
    expect(budget.ratio(0)).toBe(0)
    taken(budget, 25, 0)
    expect(budget.ratio(0)).toBe(0.25)
    taken(budget, 500, 0)
    expect(budget.ratio(0)).toBe(1)
    expect(budget.ratio(20_000)).toBe(0)
  })

  test('new percentages hold at once; a new window keeps counting past retries', () => {
    const budget = new RetryBudget(DEFAULTS, 0)
    taken(budget, 100, 0)
    budget.reconfigure({ ...DEFAULTS, minPerSecond: 11 })
    expect(taken(budget, 500, 0)).toBe(10)
    budget.reconfigure({ percent: 20, minPerSecond: 10, windowMs: 20_000 })
    expect(taken(budget, 500, 1)).toBe(90)
    expect(taken(budget, 500, 30_000)).toBe(200)
  })
})

describe('[RETRY-8] whatever comes', () => {
  const settings = fc.record({
    percent: fc.integer({ min: 0, max: 100 }),
    minPerSecond: fc.integer({ min: 0, max: 5 }),
    windowMs: fc.constantFrom(1_000, 3_333, 10_000),
  })
  const step = fc.record({
    afterMs: fc.oneof(
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: 0, max: 6_000 }),
      fc.double({ min: 0, max: 700, noNaN: true }),
    ),
    requests: fc.integer({ min: 0, max: 20 }),
    retries: fc.integer({ min: 0, max: 20 }),
  })

  test('the window that ends at a retry never holds more retries than it allows', () => {
    fc.assert(
      fc.property(
        settings,
        fc.array(step, { maxLength: 60 }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (set, steps, startMs) => {
          const budget = new RetryBudget(set, startMs)
          const requests: number[] = []
          const retries: number[] = []
          let nowMs = startMs
          const within = (times: readonly number[]): number => times.filter(at => at > nowMs - set.windowMs).length
          for (const each of steps) {
            nowMs += each.afterMs
            for (let i = 0; i < each.requests; i++) {
              budget.requestSeen(nowMs)
              requests.push(nowMs)
            }
            for (let i = 0; i < each.retries; i++) {
              if (!budget.tryTake(nowMs)) continue
              retries.push(nowMs)
              const allowed = Math.max(
                (set.percent / 100) * within(requests),
                (set.minPerSecond * set.windowMs) / 1_000,
              )
              expect(within(retries)).toBeLessThanOrEqual(allowed + 1e-9)
            }
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  test('it is no stingier than a window shorter and longer by one step', () => {
    fc.assert(
      fc.property(settings, fc.array(step, { maxLength: 60 }), (set, steps) => {
        const budget = new RetryBudget(set, 0)
        const requests: number[] = []
        const retries: number[] = []
        let nowMs = 0
        const within = (times: readonly number[], spanMs: number): number =>
          times.filter(at => at > nowMs - spanMs).length
        for (const each of steps) {
          nowMs += each.afterMs
          for (let i = 0; i < each.requests; i++) {
            budget.requestSeen(nowMs)
            requests.push(nowMs)
          }
          for (let i = 0; i < each.retries; i++) {
            if (budget.tryTake(nowMs)) retries.push(nowMs)
            else {
              const seen = within(requests, set.windowMs * 0.94)
              const allowed = Math.max((set.percent / 100) * seen, (set.minPerSecond * set.windowMs) / 1_000)
              expect(within(retries, set.windowMs * 1.06) + 1).toBeGreaterThan(allowed - 1e-9)
            }
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})
