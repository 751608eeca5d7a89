/**
 * Leases: the workloads that sidecars register, each for as long as its stream lives.
 * Invariants: one stream holds a lease at a time; nothing is withdrawn before its grace period has passed, least of all after a restart;
 * a lease that is shown is kept in the store too, so that a restart finds it.
 */
export {
  LEASE_GRACE_MS,
  type OpenRegistry,
  openLeaseRegistry,
  RESTART_GRACE_MS,
  type RegistryOptions,
} from './lease-registry.ts'
export type * from './registry.ts'
