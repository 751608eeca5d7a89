/**
 * How much one destination may have under way at once: requests, requests that wait for a connection, and connections.
 *
 * Invariants: what is admitted is released once; a count never goes below 0; limits come with each call, because a
 * snapshot may change them while requests run: lowering one ends nothing, it only admits nothing until enough has been
 * released.
 */
export {
  admitConnection,
  admitPending,
  admitRequest,
  type BreakerCounts,
  type BreakerLimits,
  BreakerState,
  releaseConnection,
  releasePending,
  releaseRequest,
} from './breaker.ts'
