import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AttemptClass, seededRandom } from '../../common/mod.ts'
import { decideRetry, RetryBudget, type RetryInput } from './mod.ts'

// Decisions and budgets of any kind, against what the rules say when they are read one by one.

const CLASSES = [
  'success',
  'server-error',
  'gateway-error',
  'connect-failed',
  'reset',
  'timeout',
  'protocol-error',
  'cancelled',
] as const satisfies readonly AttemptClass[]
const ANSWERS: readonly AttemptClass[] = ['success', 'server-error', 'gateway-error']
const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']

const input: fc.Arbitrary<RetryInput> = fc
  .record({
    class: fc.constantFrom(...CLASSES),
    status: fc.constantFrom(200, 429, 500, 502, 503),
    method: fc.constantFrom(...IDEMPOTENT, 'POST', 'PATCH', 'get'),
    idempotencyKey: fc.boolean(),
    rule: fc.option(
      fc.record({
        attempts: fc.nat(3),
        codes: fc.subarray([429, 500, 502, 503]),
        backoffMs: fc.constantFrom(0, 25, 1_000, 3_000),
      }),
      { nil: undefined },
    ),
    defaultAttempts: fc.nat(2),
    retriesSoFar: fc.nat(3),
    requestBytesSent: fc.boolean(),
    bodyReplayable: fc.boolean(),
    answerStarted: fc.boolean(),
    retryAfterMs: fc.constantFrom(undefined, -1, 0, 500, 9_000, 60_000),
    deadlineMs: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: undefined }),
    nowMs: fc.nat(10_000),
  })
  .map(each => (ANSWERS.includes(each.class) ? each : { ...each, status: 0 }))

/** Everything that speaks against another attempt. */
function objections(asked: RetryInput): string[] {
  const { class: outcome, rule } = asked
  const safe = IDEMPOTENT.includes(asked.method) || asked.idempotencyKey
  const all: [string, boolean][] = [
    ['RETRY-2: the answer has started', asked.answerStarted],
    ['RETRY-2: the body cannot be sent again', asked.requestBytesSent && !asked.bodyReplayable],
    ['the caller has gone', outcome === 'cancelled'],
    // RETRY-3 objects to nothing: a connection that failed has carried nothing.
    [
      'RETRY-4: it may have been done, and is not idempotent',
      outcome !== 'connect-failed' && !ANSWERS.includes(outcome) && !safe,
    ],
    ['RETRY-4: no policy asks for it', (outcome === 'timeout' || outcome === 'protocol-error') && rule === undefined],
    ['GW-13: the code is not worth it', ANSWERS.includes(outcome) && !(rule?.codes.includes(asked.status) ?? false)],
    ['GW-13: there were enough', asked.retriesSoFar >= (rule?.attempts ?? asked.defaultAttempts)],
    ['RETRY-6: the endpoint says no', (asked.retryAfterMs ?? 0) < 0],
    ['RETRY-6: the endpoint wants more patience than we have', (asked.retryAfterMs ?? 0) > 10_000],
  ]
  return all.filter(([, holds]) => holds).map(([why]) => why)
}

describe('[RETRY-1] [RETRY-2] [RETRY-3] [RETRY-4] [RETRY-6] [GW-13] any attempt that has ended', () => {
  test('is made again exactly when nothing speaks against it', () => {
    fc.assert(
      fc.property(input, fc.integer(), (asked, seed) => {
        const budget = new RetryBudget({ percent: 20, minPerSecond: 10, windowMs: 10_000 }, asked.nowMs)
        const decision = decideRetry(asked, budget, seededRandom(seed))
        if (objections(asked).length > 0) {
          expect(decision.kind).toBe('stop')
          return
        }
        const leastMs = Math.max(asked.rule?.backoffMs ?? 0, asked.retryAfterMs ?? 0)
        const leftMs = (asked.deadlineMs ?? Number.POSITIVE_INFINITY) - asked.nowMs
        if (decision.kind === 'retry') {
          expect(decision.delayMs).toBeGreaterThanOrEqual(leastMs)
          expect(decision.delayMs).toBeLessThanOrEqual(Math.max(1_000, leastMs) * 1.5 + 1_000)
          expect(decision.delayMs).toBeLessThan(leftMs)
        } else {
          // Only the exchange's own end is left as a reason, and jitter is all that it may be early by.
          expect(decision.why).toBe('deadline')
          expect(leftMs).toBeLessThanOrEqual(Math.max(1_000, leastMs) * 1.5 + 1_000)
        }
      }),
      { numRuns: 4_000 },
    )
  })
})

describe('[RETRY-8] a storm of retries', () => {
  const WINDOW_MS = 10_000
  const settings = { percent: 20, minPerSecond: 10, windowMs: WINDOW_MS }

  interface Storm {
    readonly requestsMs: number[]
    readonly retriesMs: number[]
  }

  /** Requests at random times (a Poisson process whose rate changes), each failing, each retry failing too. */
  function stormOf(perSecond: readonly number[], seed: number): Storm {
    const random = seededRandom(seed)
    const budget = new RetryBudget(settings, 0)
    const storm: Storm = { requestsMs: [], retriesMs: [] }
    let nowMs = 0
    while (nowMs < perSecond.length * 1_000) {
      nowMs += (-Math.log(1 - random()) * 1_000) / perSecond[Math.min(Math.floor(nowMs / 1_000), perSecond.length - 1)]!
      budget.requestSeen(nowMs)
      storm.requestsMs.push(nowMs)
      // Each wants three, as soon as it can.
      for (let i = 0; i < 3 && budget.tryTake(nowMs); i++) storm.retriesMs.push(nowMs)
    }
    return storm
  }

  test('never gets more than its share of any ten seconds that end with a retry', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(1, 20, 200, 1_000), { minLength: 15, maxLength: 40 }),
        fc.integer(),
        (perSecond, seed) => {
          const { requestsMs, retriesMs } = stormOf(perSecond, seed)
          // Brute force, but for two fingers that never go back.
          let firstRequest = 0
          let lastRequest = 0
          let firstRetry = 0
          for (const [index, atMs] of retriesMs.entries()) {
            while (requestsMs[firstRequest]! <= atMs - WINDOW_MS) firstRequest += 1
            while (lastRequest < requestsMs.length && requestsMs[lastRequest]! <= atMs) lastRequest += 1
            while (retriesMs[firstRetry]! <= atMs - WINDOW_MS) firstRetry += 1
            const allowed = Math.max(0.2 * (lastRequest - firstRequest), 100)
            if (index - firstRetry + 1 > allowed) throw new Error(`At ${atMs}: more than ${allowed} retries`)
          }
          expect(retriesMs.length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('adds at most a fifth to a load that is steady, and makes use of nearly all of that', () => {
    const { requestsMs, retriesMs } = stormOf(
      Array.from({ length: 60 }, () => 1_000),
      1,
    )
    expect(retriesMs.length).toBeLessThanOrEqual(requestsMs.length * 0.2)
    expect(retriesMs.length).toBeGreaterThan(requestsMs.length * 0.15)
  })
})
