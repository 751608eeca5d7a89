import type { Random } from '../../common/mod.ts'

const FIRST_MS = 100
/** Sidecars must be back within two seconds of a control plane's return, so the pause stays well below. */
const MOST_MS = 1_000
/** After an attempt that failed late: the control plane is there, and has more to do than it can. */
const MOST_LATE_MS = 5_000

const PATIENCE_MS = 5_000
const MOST_PATIENCE_MS = 20_000

/**
 * The pause before attempt `attempt` (0 is the first after a failure), in milliseconds: doubling, and half of it chance, so that a fleet
 * spreads. It is at least about as long as the failed attempt took: in a storm, work that is begun and given up again is what keeps
 * everybody waiting, and a control plane that is merely away refuses at once.
 */
export function backoffMs(attempt: number, random: Random, tookMs = 0): number {
  const doubling = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 16))
  const whole = Math.max(doubling, Math.min(MOST_LATE_MS, tookMs * 2))
  return whole / 2 + (whole / 2) * random()
}

/** How long attempt `attempt` may take to connect and shake hands, in milliseconds: longer each time, so that in a storm each gets through in the end. */
export function patienceMs(attempt: number): number {
  return Math.min(MOST_PATIENCE_MS, PATIENCE_MS * 2 ** Math.min(attempt, 16))
}
