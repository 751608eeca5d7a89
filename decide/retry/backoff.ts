import type { Random } from '../../common/mod.ts'

/** The least span that jitter is drawn from at first, so that retries spread even where a policy asks for no pause. */
const STEP_MIN_MS = 10
/** No pause is longer, unless the policy's least pause or the endpoint's wish is. */
const BACKOFF_MAX_MS = 1_000
/** Doublings after which growth has long met its bound. */
const DOUBLINGS_MAX = 16

/**
 * The pause before retry number `retriesSoFar` (from 0), in milliseconds: never less than `leastMs` nor than
 * `retryAfterMs`, with jitter on top whose span doubles with each retry until `leastMs` plus jitter would pass a
 * second. A least pause of a second or more gets half of it as span.
 */
export function backoffMs(leastMs: number, retryAfterMs: number, retriesSoFar: number, random: Random): number {
  const grownMs = Math.max(leastMs, STEP_MIN_MS) * 2 ** Math.min(retriesSoFar + 1, DOUBLINGS_MAX)
  const mostMs = leastMs < BACKOFF_MAX_MS ? Math.min(grownMs, BACKOFF_MAX_MS) : leastMs * 1.5
  return Math.max(leastMs, retryAfterMs) + random() * (mostMs - leastMs)
}
