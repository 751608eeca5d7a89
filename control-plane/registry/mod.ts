/**
 * Leases: the workloads that sidecars register, each for as long as its stream lives.
 * Invariants: one stream holds a lease at a time; nothing is withdrawn before its grace period has passed, least of all after a restart.
 */
export type * from './registry.ts'
