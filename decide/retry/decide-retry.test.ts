import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AttemptClass, seededRandom } from '../../common/mod.ts'
import { decideRetry, RetryBudget, type RetryInput } from './mod.ts'

const RULE = { attempts: 2, codes: [503], backoffMs: 100 }

function input(change: Partial<RetryInput> = {}): RetryInput {
  return {
    class: 'connect-failed',
    status: 0,
    method: 'GET',
    idempotencyKey: false,
    rule: undefined,
    defaultAttempts: 1,
    retriesSoFar: 0,
    requestBytesSent: false,
    bodyReplayable: true,
    answerStarted: false,
    retryAfterMs: undefined,
    deadlineMs: undefined,
    nowMs: 0,
    ...change,
  }
}

function fullBudget(): RetryBudget {
  return new RetryBudget({ percent: 20, minPerSecond: 10, windowMs: 10_000 }, 0)
}

function outcomeOf(change: Partial<RetryInput>, budget = fullBudget()): string {
  const decision = decideRetry(input(change), budget, seededRandom(1))
  return decision.kind === 'retry' ? 'retry' : decision.why
}

function delayOf(change: Partial<RetryInput>, drawn: number): number {
  const decision = decideRetry(input(change), fullBudget(), () => drawn)
  if (decision.kind === 'stop') throw new Error(decision.why)
  return decision.delayMs
}

describe('without a rule', () => {
  test.each<[AttemptClass, number, string]>([
    ['connect-failed', 0, 'retry'],
    ['protocol-error', 0, 'not-retryable'],
    ['timeout', 0, 'not-retryable'],
    ['gateway-error', 503, 'not-retryable'],
    ['server-error', 500, 'not-retryable'],
    ['success', 200, 'not-retryable'],
    ['cancelled', 0, 'not-retryable'],
  ])('%s (%s): %s', (outcome, status, expected) => {
    expect(outcomeOf({ class: outcome, status })).toBe(expected)
  })

  test.each<[string, boolean, string]>([
    ['GET', false, 'retry'],
    ['DELETE', false, 'retry'],
    ['POST', false, 'not-idempotent'],
    ['POST', true, 'retry'],
  ])('[RETRY-4] a reset of %s (idempotency key: %s): %s', (method, idempotencyKey, expected) => {
    expect(outcomeOf({ class: 'reset', status: 0, method, idempotencyKey })).toBe(expected)
  })

  test('a connection failure is safe for any method [RETRY-3]', () => {
    expect(outcomeOf({ method: 'POST' })).toBe('retry')
  })

  test('the default attempts are all there are', () => {
    expect(outcomeOf({ retriesSoFar: 1 })).toBe('attempts-used')
    expect(outcomeOf({ defaultAttempts: 0 })).toBe('attempts-used')
    expect(outcomeOf({ defaultAttempts: 2, retriesSoFar: 1 })).toBe('retry')
  })
})

describe('with a rule [GW-13]', () => {
  test.each<[AttemptClass, string, boolean, string]>([
    ['reset', 'GET', false, 'retry'],
    ['reset', 'PUT', false, 'retry'],
    ['reset', 'DELETE', false, 'retry'],
    ['reset', 'POST', false, 'not-idempotent'],
    ['reset', 'PATCH', false, 'not-idempotent'],
    ['reset', 'get', false, 'not-idempotent'],
    ['reset', 'POST', true, 'retry'],
    ['protocol-error', 'GET', false, 'retry'],
    ['protocol-error', 'POST', false, 'not-idempotent'],
    ['timeout', 'GET', false, 'retry'],
    ['timeout', 'POST', false, 'not-idempotent'],
    ['connect-failed', 'POST', false, 'retry'],
    ['cancelled', 'GET', true, 'not-retryable'],
  ])('%s of a %s (Idempotency-Key: %s): %s [RETRY-4]', (outcome, method, idempotencyKey, expected) => {
    expect(outcomeOf({ rule: RULE, class: outcome, method, idempotencyKey })).toBe(expected)
  })

  test('a code that the rule names is retried for any method, another for none', () => {
    expect(outcomeOf({ rule: RULE, class: 'gateway-error', status: 503, method: 'POST' })).toBe('retry')
    expect(outcomeOf({ rule: RULE, class: 'gateway-error', status: 502 })).toBe('not-retryable')
    expect(outcomeOf({ rule: { ...RULE, codes: [429] }, class: 'success', status: 429 })).toBe('retry')
    expect(outcomeOf({ rule: { ...RULE, codes: [] }, class: 'success', status: 200 })).toBe('not-retryable')
  })

  test('attempts counts retries, not the first try', () => {
    expect(outcomeOf({ rule: RULE, retriesSoFar: 1 })).toBe('retry')
    expect(outcomeOf({ rule: RULE, retriesSoFar: 2 })).toBe('attempts-used')
    expect(outcomeOf({ rule: { ...RULE, attempts: 0 } })).toBe('attempts-used')
  })
})

describe('what can never be repeated [RETRY-2]', () => {
  test('an answer that has started', () => {
    expect(outcomeOf({ answerStarted: true })).toBe('answer-started')
  })

  test('a body that was sent and not kept', () => {
    expect(outcomeOf({ requestBytesSent: true, bodyReplayable: false })).toBe('body-not-replayable')
    expect(outcomeOf({ requestBytesSent: true, bodyReplayable: true })).toBe('retry')
    expect(outcomeOf({ requestBytesSent: false, bodyReplayable: false })).toBe('retry')
  })
})

describe('the pause', () => {
  test('without a rule it is short', () => {
    expect(delayOf({}, 0)).toBe(0)
    expect(delayOf({}, 0.999)).toBeLessThan(20)
  })

  test('the rule says the least, jitter comes on top, and the most doubles with each retry up to a second', () => {
    const rule = { ...RULE, attempts: 20 }
    const most = [0, 1, 2, 3, 19].map(retriesSoFar => delayOf({ rule, retriesSoFar }, 1))
    expect(most).toEqual([200, 400, 800, 1_000, 1_000])
    expect(delayOf({ rule, retriesSoFar: 3 }, 0)).toBe(100)
  })

  test('a least pause of a second or more is kept, with jitter', () => {
    expect(delayOf({ rule: { ...RULE, backoffMs: 2_000 } }, 0)).toBe(2_000)
    expect(delayOf({ rule: { ...RULE, backoffMs: 2_000 } }, 1)).toBe(3_000)
  })

  test('Retry-After is honoured, with jitter [RETRY-6]', () => {
    expect(delayOf({ rule: RULE, retryAfterMs: 3_000 }, 0)).toBe(3_000)
    expect(delayOf({ rule: RULE, retryAfterMs: 3_000 }, 1)).toBe(3_100)
    expect(delayOf({ rule: RULE, retryAfterMs: 10 }, 0)).toBe(100)
  })

  test('a negative pushback means no, and a wish beyond ten seconds goes to the caller', () => {
    expect(outcomeOf({ retryAfterMs: -1 })).toBe('not-retryable')
    expect(outcomeOf({ retryAfterMs: 10_000 })).toBe('retry')
    expect(outcomeOf({ retryAfterMs: 10_001 })).toBe('not-retryable')
  })
})

describe('the deadline [RETRY-1]', () => {
  test.each([
    [1_000, 1_000, 'deadline'],
    [1_000, 999, 'deadline'],
    [1_000, 1_100, 'deadline'],
    [1_000, 1_200, 'retry'],
    [1_000, undefined, 'retry'],
  ])('now %s, deadline %s: %s', (nowMs, deadlineMs, expected) => {
    expect(outcomeOf({ rule: RULE, nowMs, deadlineMs })).toBe(expected)
  })

  test('a retry that would begin at the deadline is none', () => {
    const begins = (deadlineMs: number) => decideRetry(input({ rule: RULE, deadlineMs }), fullBudget(), () => 0).kind
    expect(begins(100)).toBe('stop')
    expect(begins(101)).toBe('retry')
  })

  test('a wish to wait past the deadline is a stop', () => {
    expect(outcomeOf({ rule: RULE, retryAfterMs: 5_000, deadlineMs: 4_000 })).toBe('deadline')
  })
})

describe('the budget', () => {
  test('stops when nothing is left', () => {
    const budget = new RetryBudget({ percent: 0, minPerSecond: 1, windowMs: 1_000 }, 0)
    expect(outcomeOf({}, budget)).toBe('retry')
    expect(outcomeOf({}, budget)).toBe('budget')
  })

  test('is charged for a retry that happens and for nothing else', () => {
    const change = fc.record({
      class: fc.constantFrom<AttemptClass>(
        'connect-failed',
        'reset',
        'timeout',
        'gateway-error',
        'cancelled',
        'success',
      ),
      status: fc.constantFrom(0, 200, 503),
      method: fc.constantFrom('GET', 'POST'),
      idempotencyKey: fc.boolean(),
      rule: fc.constantFrom(undefined, RULE),
      retriesSoFar: fc.integer({ min: 0, max: 3 }),
      requestBytesSent: fc.boolean(),
      bodyReplayable: fc.boolean(),
      answerStarted: fc.boolean(),
      retryAfterMs: fc.constantFrom(undefined, -1, 0, 500, 20_000),
      deadlineMs: fc.constantFrom(undefined, 0, 300, 5_000),
    })
    fc.assert(
      fc.property(change, fc.integer(), (changed, seed) => {
        const budget = fullBudget()
        const decision = decideRetry(input(changed), budget, seededRandom(seed))
        expect(budget.ratio(0)).toBe(decision.kind === 'retry' ? 0.01 : 0)
        if (decision.kind === 'stop') return
        expect(changed.answerStarted).toBe(false)
        expect(changed.class).not.toBe('cancelled')
        expect(decision.delayMs).toBeGreaterThanOrEqual(changed.rule?.backoffMs ?? 0)
        expect(decision.delayMs).toBeLessThan(changed.deadlineMs ?? Number.POSITIVE_INFINITY)
      }),
      { numRuns: 1_000 },
    )
  })
})
