import type { SpiffeId } from '../../common/mod.ts'

export interface CsrLimits {
  /** Takes one signature for `identity`. `nowMs` is monotonic. False: there were too many. */
  take(identity: SpiffeId, nowMs: number): boolean
}

/** Consul's default for one control plane: a signature costs about 0.2 ms, and the loop has other work. */
const PER_SECOND = 50
const BURST = 50
/** Consul's spirit, for one identity. */
const IDENTITY_PER_SECOND = 1
/** Replicas share an identity and start together. */
const IDENTITY_BURST = 10
/** Only attested identities get here; when there are more, the one longest unseen starts afresh with a full bucket. */
const IDENTITIES_MAX = 10_000

interface Bucket {
  tokens: number
  atMs: number
}

/** Token buckets: one for the whole control plane, and one for each of the identities last seen. */
export function csrLimits(): CsrLimits {
  const whole: Bucket = { tokens: BURST, atMs: Number.NEGATIVE_INFINITY }
  const buckets = new Map<SpiffeId, Bucket>()
  return {
    take(identity, nowMs) {
      const own = buckets.get(identity) ?? { tokens: IDENTITY_BURST, atMs: nowMs }
      // The most recently seen stand last.
      buckets.delete(identity)
      buckets.set(identity, own)
      if (buckets.size > IDENTITIES_MAX) dropOldest(buckets)
      fill(own, IDENTITY_PER_SECOND, IDENTITY_BURST, nowMs)
      fill(whole, PER_SECOND, BURST, nowMs)
      // Both or none: an identity that asks too often must not use up what others share.
      if (own.tokens < 1 || whole.tokens < 1) return false
      own.tokens -= 1
      whole.tokens -= 1
      return true
    },
  }
}

function fill(bucket: Bucket, perSecond: number, burst: number, nowMs: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond)
  bucket.atMs = nowMs
}

function dropOldest(buckets: Map<SpiffeId, Bucket>): void {
  for (const oldest of buckets.keys()) {
    buckets.delete(oldest)
    return
  }
}
