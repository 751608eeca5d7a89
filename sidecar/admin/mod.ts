/**
 * What a sidecar tells people and probes of itself, and the one thing that it can be told: to drain.
 * Invariants: looking changes nothing; whoever tells it something has the token; the admin port listens on loopback alone.
 */
export { AdminAccess } from './access.ts'
export { type AdminView, adminPages, metricsPages } from './admin.ts'
