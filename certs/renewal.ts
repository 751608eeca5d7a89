import type { Clock, Random } from '../common/mod.ts'
import { NOT_BEFORE_BACKDATE_MS } from './template.ts'

/** SPIRE renews at half of a leaf's life; the jitter keeps a fleet that started together from renewing together. */
const RENEW_AT = 0.5
const JITTER = 0.1
/** A timer does not count the time that a machine sleeps; so it looks at the wall clock at least this often. */
const LOOK_MS = 30_000

/**
 * When to renew what was received at `nowMs` and ends at `notAfterMs`: at half of what is left, give or take 10%.
 * `notBeforeMs` is that of a certificate from `leafTemplate`. Unix times in milliseconds.
 */
export function renewalTimeMs(nowMs: number, notAfterMs: number, random: Random, notBeforeMs?: number): number {
  const jitter = 1 + JITTER * (2 * random() - 1)
  // A clock that is behind sees more of a life left than was given: to others a short one would end before half of that.
  const givenMs = notBeforeMs === undefined ? 0 : notAfterMs - notBeforeMs - NOT_BEFORE_BACKDATE_MS
  const leftMs = Math.max(0, notAfterMs - nowMs)
  return nowMs + (givenMs > 0 ? Math.min(leftMs, givenMs) : leftMs) * RENEW_AT * jitter
}

/**
 * Runs `run` once when the wall clock has reached `atMs`, also after the machine has slept; and no later than so much time has passed, should
 * somebody set the clock back meanwhile. Does not keep the program alive.
 * Returns the function that calls it off.
 */
export function runAtWallTime(clock: Clock, atMs: number, run: () => void): () => void {
  let timer: NodeJS.Timeout
  const endMs = clock.nowMs() + atMs - clock.wallMs()
  const arm = (): void => {
    const leftMs = Math.min(atMs - clock.wallMs(), endMs - clock.nowMs())
    timer = setTimeout(leftMs <= LOOK_MS ? run : arm, Math.min(Math.max(leftMs, 0), LOOK_MS))
    timer.unref()
  }
  arm()
  return () => clearTimeout(timer)
}
