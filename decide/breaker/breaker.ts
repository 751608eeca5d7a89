import type { TrafficSettings } from '../../model/snapshot/mod.ts'

export type BreakerLimits = TrafficSettings['breaker']

/** What one destination has under way. Changed only by the functions below. */
export interface BreakerCounts {
  requests: number
  pending: number
  connections: number
}

/** The counts of one thread. */
export class BreakerState implements BreakerCounts {
  requests = 0
  pending = 0
  connections = 0
}

/** Counts a request in, or answers false: the circuit is open. Each true is followed by one `releaseRequest`. */
export function admitRequest(state: BreakerCounts, limits: BreakerLimits): boolean {
  if (state.requests >= limits.requestsMax) return false
  state.requests += 1
  return true
}

export function releaseRequest(state: BreakerCounts): void {
  if (state.requests > 0) state.requests -= 1
}

/**
 * Counts in a request that has to wait for a connection, or answers false. Each true is followed by one
 * `releasePending`.
 */
export function admitPending(state: BreakerCounts, limits: BreakerLimits): boolean {
  if (state.pending >= limits.pendingMax) return false
  state.pending += 1
  return true
}

export function releasePending(state: BreakerCounts): void {
  if (state.pending > 0) state.pending -= 1
}

/**
 * Counts in a connection that is about to be opened, or answers false. Each true is followed by one
 * `releaseConnection`.
 */
export function admitConnection(state: BreakerCounts, limits: BreakerLimits): boolean {
  if (state.connections >= limits.connectionsMax) return false
  state.connections += 1
  return true
}

export function releaseConnection(state: BreakerCounts): void {
  if (state.connections > 0) state.connections -= 1
}
