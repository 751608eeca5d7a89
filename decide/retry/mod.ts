/**
 * Whether a failed attempt is made again, and when.
 *
 * Invariants: nothing is repeated that may have been acted on, unless it is idempotent or a policy says so; never once
 * the answer has started; the budget is asked last and charged only for a retry that happens.
 */
export { RetryBudget } from './budget.ts'
export { decideRetry, type RetryDecision, type RetryInput, type RetryStop } from './decide-retry.ts'
