import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { admitRequest, releaseRequest } from '../../decide/breaker/mod.ts'
import type { TrafficSettings } from '../../model/snapshot/mod.ts'
import { newBreakerCells, SharedBreaker, shareOut } from './share-out.ts'

const WRITTEN: TrafficSettings = {
  policy: 'shop/p',
  breaker: { connectionsMax: 10, pendingMax: 7, requestsMax: 5 },
  outlier: { consecutiveErrors: 5, baseEjectionMs: 30_000, ejectedPercentMax: 50, healthyPercentMin: 50 },
  retryBudget: { percent: 20, minPerSecond: 10, windowMs: 10_000 },
  connectTimeoutMs: 1_000,
  keepsNameCase: false,
  upgrades: undefined,
}

/** As many threads, each with what it counts and what it may have. */
function threads(workers: number, written: TrafficSettings = WRITTEN) {
  const cells = newBreakerCells(workers)
  return Array.from({ length: workers }, (_, worker) => ({
    counts: new SharedBreaker(cells, worker),
    settings: shareOut(written, cells, { worker, workers }),
  }))
}

describe('what is written of requests', () => {
  test('holds for all threads together, in whatever order they admit and release', () => {
    const step = fc.record({ worker: fc.nat(2), release: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const all = threads(3)
        const own = [0, 0, 0]
        for (const { worker, release } of steps) {
          const { counts, settings } = all[worker]!
          const sum = own.reduce((a, b) => a + b)
          if (release) {
            releaseRequest(counts)
            own[worker] = Math.max(0, own[worker]! - 1)
          } else {
            const admitted = admitRequest(counts, settings.breaker)
            expect(admitted).toBe(sum < 5)
            if (admitted) own[worker]!++
          }
          expect(counts.requests).toBe(own[worker])
        }
      }),
    )
  })

  test('leaves a thread what the others do not use, and nothing less than nothing', () => {
    const [a, b] = threads(2)
    a!.counts.requests = 3
    a!.counts.pending = 9
    expect(b!.settings.breaker).toMatchObject({ requestsMax: 2, pendingMax: 0 })
    expect(a!.settings.breaker).toMatchObject({ requestsMax: 5, pendingMax: 7 })
  })
})

describe('what is written of connections', () => {
  test.each([
    [10, 2, [5, 5]],
    [11, 2, [5, 6]],
    [10, 3, [3, 3, 4]],
    [1024, 4, [256, 256, 256, 256]],
  ])('%i among %i threads are %j, which come to the whole', (connectionsMax, workers, shares) => {
    const written = { ...WRITTEN, breaker: { ...WRITTEN.breaker, connectionsMax } }
    expect(threads(workers, written).map(({ settings }) => settings.breaker.connectionsMax)).toEqual(shares)
  })

  test('is one for each thread at least, or none of them could do anything; but none where it says none', () => {
    const of = (connectionsMax: number) =>
      threads(3, { ...WRITTEN, breaker: { ...WRITTEN.breaker, connectionsMax } }).map(
        ({ settings }) => settings.breaker.connectionsMax,
      )
    expect(of(1)).toEqual([1, 1, 1])
    expect(of(2)).toEqual([1, 1, 1])
    expect(of(0)).toEqual([0, 0, 0])
  })
})

describe('what is written of the retry budget', () => {
  const budgets = (retryBudget: TrafficSettings['retryBudget']) =>
    threads(4, { ...WRITTEN, retryBudget }).map(({ settings }) => settings.retryBudget)

  test('keeps its percentage, which is of the own requests of each, and shares its floor out', () => {
    for (const budget of budgets(WRITTEN.retryBudget))
      expect(budget).toEqual({ percent: 20, minPerSecond: 2.5, windowMs: 10_000 })
  })

  test('leaves each thread one retry in a window, where it allows any', () => {
    expect(budgets({ percent: 0, minPerSecond: 1, windowMs: 1_000 })[0]?.minPerSecond).toBe(1)
    expect(budgets({ percent: 0, minPerSecond: 1, windowMs: 10_000 })[0]?.minPerSecond).toBe(0.25)
    expect(budgets({ percent: 20, minPerSecond: 0, windowMs: 10_000 })[0]?.minPerSecond).toBe(0)
  })
})
