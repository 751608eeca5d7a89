/**
 * Which endpoint gets an attempt: power of two choices on peak EWMA latency, in which latencies within a factor of two are alike.
 *
 * Invariants: an endpoint that is not usable is never picked; a pick allocates nothing; what is learnt of an endpoint
 * lives in its `EndpointLoad` and outlives snapshots; an endpoint that fails fast looks slow.
 */
export type { EndpointLoad } from './load.ts'
export { loadCancelled, loadCost, loadEnded, loadFailed, loadStarted, newLoad } from './load.ts'
export { pickEndpoint } from './pick.ts'
export { untriedFirst } from './untried.ts'
