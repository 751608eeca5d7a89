import type { Random } from '../../common/mod.ts'

const FIRST_MS = 100
/** Sidecars must be back within two seconds of a control plane's return, so the pause stays well below. */
const MOST_MS = 1_000

/** The pause before attempt `attempt` (0 is the first after a failure), in milliseconds: doubling, and half of it chance, so that a fleet spreads. */
export function backoffMs(attempt: number, random: Random): number {
  const whole = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 16))
  return whole / 2 + (whole / 2) * random()
}
