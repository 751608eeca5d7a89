import type { Clock, Random } from '../common/mod.ts'

/** SPIRE renews at half of a leaf's life; the jitter keeps a fleet that started together from renewing together. */
const RENEW_AT = 0.5
const JITTER = 0.1
/** A timer does not count the time that a machine sleeps; so it looks at the wall clock at least this often. */
const LOOK_MS = 30_000

/** When to renew what was received at `nowMs` and ends at `notAfterMs`: at half of what is left, give or take 10%. Unix times in milliseconds. */
export function renewalTimeMs(nowMs: number, notAfterMs: number, random: Random): number {
  const jitter = 1 + JITTER * (2 * random() - 1)
  return nowMs + Math.max(0, notAfterMs - nowMs) * RENEW_AT * jitter
}

/**
 * Runs `run` once when the wall clock has reached `atMs`, also after the machine has slept. Does not keep the program alive.
 * Returns the function that calls it off.
 */
export function runAtWallTime(clock: Clock, atMs: number, run: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = (): void => {
    const leftMs = atMs - clock.wallMs()
    timer = setTimeout(leftMs <= LOOK_MS ? run : arm, Math.min(Math.max(leftMs, 0), LOOK_MS))
    timer.unref()
  }
  arm()
  return () => clearTimeout(timer)
}
