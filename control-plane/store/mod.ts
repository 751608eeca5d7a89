/**
 * The control plane's memory: resources, leases, join tokens and audit records behind one interface.
 * Invariants: a commit is one transaction and one revision; revisions never go back; no database driver outside `store/<backend>`.
 */
export { asContent, asResource } from './as-resource.ts'
export * from './store.ts'
