/**
 * What a sidecar tells people and probes of itself. Reads; changes nothing.
 */
export { type AdminView, adminPages, metricsPages } from './admin.ts'
