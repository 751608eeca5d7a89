/**
 * When an exchange and each of its attempts must have ended.
 *
 * Invariants: a deadline is a point on the monotonic clock, so that nobody adds up what is left; no attempt outlives
 * its exchange (GW-11).
 */
export { attemptDeadline, deadlineOf } from './deadline.ts'
