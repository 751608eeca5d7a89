/** What one endpoint has done. Changed only by `recordOutcome`. */
export class OutlierState {
  consecutiveErrors = 0
  /** Ejections that still count towards the length of the next one. */
  ejections = 0
  ejectedUntilMs = 0
  /** It has failed often enough to be ejected, but the group could not spare it. */
  spared = false
}

/** When its time has passed an endpoint is back at once. */
export function isEjected(state: OutlierState, nowMs: number): boolean {
  return nowMs < state.ejectedUntilMs
}
