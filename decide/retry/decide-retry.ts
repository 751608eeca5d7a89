import type { AttemptClass, Random } from '../../common/mod.ts'
import type { RetryRule } from '../../model/snapshot/mod.ts'
import { backoffMs } from './backoff.ts'
import type { RetryBudget } from './budget.ts'

export interface RetryInput {
  readonly class: AttemptClass
  /** Of the answer; 0 when there was none. */
  readonly status: number
  readonly method: string
  /** The request has an `Idempotency-Key` field. */
  readonly idempotencyKey: boolean
  /** The matched rule's policy; `undefined`: only `defaultAttempts`, for connection failures, and for resets of what is safe to repeat. */
  readonly rule: RetryRule | undefined
  readonly defaultAttempts: number
  readonly retriesSoFar: number
  /** Some byte of the request's body has left us, so that a retry must send it again. */
  readonly requestBytesSent: boolean
  /** The whole body so far has been kept (or there is none). */
  readonly bodyReplayable: boolean
  /** A byte of the answer has gone to the caller. */
  readonly answerStarted: boolean
  /** From `Retry-After` or `grpc-retry-pushback-ms`; negative means "don't". */
  readonly retryAfterMs: number | undefined
  /** The exchange's own end, on the same clock as `nowMs`. */
  readonly deadlineMs: number | undefined
  readonly nowMs: number
}

/** Why there is no other attempt. `not-idempotent` is retryable in kind, but may have been acted on. */
export type RetryStop =
  | 'answer-started'
  | 'not-retryable'
  | 'not-idempotent'
  | 'attempts-used'
  | 'body-not-replayable'
  | 'deadline'
  | 'budget'

export type RetryDecision =
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'stop'; readonly why: RetryStop }

/**
 * An endpoint that asks for a longer pause is not waited for: its answer goes to the caller, who can read `Retry-After`
 * too.
 */
const RETRY_AFTER_MAX_MS = 10_000

/** RFC 9110, 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

const STOP = {
  'answer-started': stop('answer-started'),
  'not-retryable': stop('not-retryable'),
  'not-idempotent': stop('not-idempotent'),
  'attempts-used': stop('attempts-used'),
  'body-not-replayable': stop('body-not-replayable'),
  deadline: stop('deadline'),
  budget: stop('budget'),
} as const satisfies Record<RetryStop, RetryDecision>

/**
 * Decides about one attempt that has ended (RETRY-1 to RETRY-6; GEP-1731). Takes from the budget only when it answers
 * `retry`.
 */
export function decideRetry(input: RetryInput, budget: RetryBudget, random: Random): RetryDecision {
  const { rule, retriesSoFar, retryAfterMs = 0, nowMs } = input
  if (input.answerStarted) return STOP['answer-started']

  const unfit = unfitness(input)
  if (unfit !== undefined) return STOP[unfit]
  if (retryAfterMs < 0 || retryAfterMs > RETRY_AFTER_MAX_MS) return STOP['not-retryable']
  if (retriesSoFar >= (rule === undefined ? input.defaultAttempts : rule.attempts)) return STOP['attempts-used']
  if (input.requestBytesSent && !input.bodyReplayable) return STOP['body-not-replayable']

  const delayMs = backoffMs(rule === undefined ? 0 : rule.backoffMs, retryAfterMs, retriesSoFar, random)
  if (input.deadlineMs !== undefined && nowMs + delayMs >= input.deadlineMs) return STOP.deadline
  if (!budget.tryTake(nowMs)) return STOP.budget
  return { kind: 'retry', delayMs }
}

/** What in the failure itself speaks against another attempt; `undefined`: nothing. */
function unfitness(input: RetryInput): 'not-retryable' | 'not-idempotent' | undefined {
  switch (input.class) {
    case 'connect-failed':
      return undefined
    case 'success':
    case 'server-error':
    case 'gateway-error':
      // The policy names the code, and with it says that any method may be repeated (RETRY-4).
      return input.rule?.codes.includes(input.status) ? undefined : 'not-retryable'
    case 'protocol-error':
    case 'timeout':
      if (input.rule === undefined) return 'not-retryable'
      return input.idempotencyKey || IDEMPOTENT.has(input.method) ? undefined : 'not-idempotent'
    case 'reset':
      // A killed endpoint takes down what it was doing; what is safe to repeat is repeated without being asked (RETRY-4, FAULT-8).
      return input.idempotencyKey || IDEMPOTENT.has(input.method) ? undefined : 'not-idempotent'
    case 'cancelled':
      return 'not-retryable'
  }
}

function stop(why: RetryStop): RetryDecision {
  return Object.freeze({ kind: 'stop', why })
}
