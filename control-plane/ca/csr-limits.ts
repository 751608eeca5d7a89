import type { SpiffeId } from '../../common/mod.ts'

export interface CsrLimits {
  /** Takes one signature for a workload of `identity`. `nowMs` is monotonic. False: there were too many. */
  take(identity: SpiffeId, workload: string, nowMs: number): boolean
}

interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** Consul's default for one control plane: a signature costs about 0.2 ms, and the loop has other work. */
const WHOLE: Rate = { perSecond: 50, burst: 50 }
/**
 * Replicas share an identity and start together: a service that is scaled up to fifty has joined within a second or two. No identity has all
 * that the control plane can do, so that others are served beside it.
 */
const IDENTITY: Rate = { perSecond: 20, burst: 40 }
/** Consul's 1/s for each caller. A workload asks when it starts and twice a day: five in a row is one that crashes at every start. */
const WORKLOAD: Rate = { perSecond: 1, burst: 5 }
/** Only attested identities get here; when there are more, the one longest unseen starts afresh with a full bucket. */
const IDENTITIES_MAX = 10_000
/** Who makes up names to escape its own bucket meets that of its identity. */
const WORKLOADS_MAX = 20_000

/** Token buckets: one for the whole control plane, one for each of the identities last seen, and one for each workload of theirs. */
export function csrLimits(): CsrLimits {
  const whole: Bucket = { tokens: WHOLE.burst, atMs: Number.NEGATIVE_INFINITY }
  const identities = new Buckets(IDENTITY, IDENTITIES_MAX)
  const workloads = new Buckets(WORKLOAD, WORKLOADS_MAX)
  return {
    take(identity, workload, nowMs) {
      fill(whole, WHOLE, nowMs)
      // A SPIFFE ID holds no blank.
      const taken = [whole, identities.at(identity, nowMs), workloads.at(`${identity} ${workload}`, nowMs)]
      // All or none: who asks too often must not use up what others share.
      if (taken.some(bucket => bucket.tokens < 1)) return false
      for (const bucket of taken) bucket.tokens -= 1
      return true
    },
  }
}

interface Bucket {
  tokens: number
  atMs: number
}

/** Those last seen, at most so many. */
class Buckets {
  private readonly rate: Rate
  private readonly max: number
  private readonly byKey = new Map<string, Bucket>()

  constructor(rate: Rate, max: number) {
    this.rate = rate
    this.max = max
  }

  /** The bucket of `key`, as full as it is by now. */
  at(key: string, nowMs: number): Bucket {
    const bucket = this.byKey.get(key) ?? { tokens: this.rate.burst, atMs: nowMs }
    // The most recently seen stand last.
    this.byKey.delete(key)
    this.byKey.set(key, bucket)
    if (this.byKey.size > this.max) this.dropOldest()
    fill(bucket, this.rate, nowMs)
    return bucket
  }

  private dropOldest(): void {
    for (const oldest of this.byKey.keys()) {
      this.byKey.delete(oldest)
      return
    }
  }
}

function fill(bucket: Bucket, { perSecond, burst }: Rate, nowMs: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond)
  bucket.atMs = nowMs
}
