/**
 * Carrying an exchange to one of a service's endpoints: pools, attempts, and what is learnt from them. Both stacks end here.
 * Invariants: what is admitted by the breaker is released once; nothing is sent again once the answer has begun; what was learnt of an
 * endpoint outlives the snapshots that name it.
 */
export { Attempts } from './attempts.ts'
export { Destination } from './destination.ts'
export type { EndpointAddress, EndpointState } from './endpoint.ts'
export type { ConnectionEnds, UpstreamEnvironment } from './environment.ts'
export type { CarryPlan } from './plan.ts'
