/**
 * Which endpoints are left out for a while because they fail in a row.
 *
 * Invariants: an ejection ends by time alone and needs no timer; at no ejection are more than `ejectedPercentMax` of
 * the group out (but one of two may be); a cancelled attempt says nothing; what is known of an endpoint outlives
 * snapshots.
 */
export { OutlierGroup } from './group.ts'
export { type OutlierSettings, portInPanic, recordOutcome, usableInPanic } from './record.ts'
export { isEjected, OutlierState } from './state.ts'
