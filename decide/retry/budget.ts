import type { TrafficSettings } from '../../model/snapshot/mod.ts'

type BudgetSettings = TrafficSettings['retryBudget']

/** The window moves in steps of a twentieth of it: half a second in the default's ten. */
const BUCKETS = 20
/** One more than the window holds: see the drawing. */
const SLOTS = BUCKETS + 1

/**
 * The retries and hedges that one destination may get: at most max(percent of its requests, minPerSecond x seconds),
 * both counted over the window that ends now (RETRY-8). Not a token bucket: a quiet hour saves nothing up.
 *
 *     bucket  | oldest |  1  |  2  | ... | 20 = now |
 *     retries     x       x     x           x            at least the window
 *     requests            x     x           x            at most the window
 *
 * Counting retries over slightly more and requests over slightly less than the window keeps the promise exact in spite
 * of the steps.
 */
export class RetryBudget {
  readonly #requests = new Uint32Array(SLOTS)
  readonly #retries = new Uint32Array(SLOTS)
  #requestsTotal = 0
  #retriesTotal = 0
  #settings: BudgetSettings
  #bucketMs: number
  /** Buckets are numbered from time 0; the slot of a bucket is its number modulo SLOTS. */
  #bucket: number
  #bucketEndMs: number
  #restart = false

  /** `windowMs` is above 0. */
  constructor(settings: BudgetSettings, nowMs: number) {
    this.#settings = settings
    this.#bucketMs = settings.windowMs / BUCKETS
    this.#bucket = Math.floor(nowMs / this.#bucketMs)
    this.#bucketEndMs = (this.#bucket + 1) * this.#bucketMs
  }

  /** Counts one request, not its retries. */
  requestSeen(nowMs: number): void {
    if (nowMs >= this.#bucketEndMs) this.#advance(nowMs)
    this.#requests[this.#bucket % SLOTS]! += 1
    this.#requestsTotal += 1
  }

  /** Takes one retry out of the budget; false, and nothing is taken, when none is left. */
  tryTake(nowMs: number): boolean {
    if (nowMs >= this.#bucketEndMs) this.#advance(nowMs)
    if (this.#retriesTotal + 1 > this.#allowed()) return false
    this.#retries[this.#bucket % SLOTS]! += 1
    this.#retriesTotal += 1
    return true
  }

  /** The share of the budget that is spent, 0 to 1. A budget of nothing is spent. */
  ratio(nowMs: number): number {
    if (nowMs >= this.#bucketEndMs) this.#advance(nowMs)
    const allowed = this.#allowed()
    return allowed < 1 ? 1 : Math.min(1, this.#retriesTotal / allowed)
  }

  /**
   * Goes on under new settings. When the window's length changes, past retries still count and past requests don't, so
   * that the change itself never allows more.
   */
  reconfigure(settings: BudgetSettings): void {
    if (settings.windowMs !== this.#settings.windowMs) {
      this.#bucketMs = settings.windowMs / BUCKETS
      // Whoever comes next brings the time, and with it the new buckets' numbers.
      this.#restart = true
      this.#bucketEndMs = Number.NEGATIVE_INFINITY
    }
    this.#settings = settings
  }

  #allowed(): number {
    const { percent, minPerSecond, windowMs } = this.#settings
    return Math.max((this.#requestsTotal * percent) / 100, (minPerSecond * windowMs) / 1_000)
  }

  #advance(nowMs: number): void {
    const bucket = Math.floor(nowMs / this.#bucketMs)
    if (this.#restart) this.#restartAt(bucket)
    const steps = Math.min(bucket - this.#bucket, SLOTS)
    for (let step = 1; step <= steps; step++) {
      const slot = (bucket - steps + step) % SLOTS
      this.#retriesTotal -= this.#retries[slot]!
      this.#retries[slot] = 0
      // The slot after the newest is the oldest: from now on it counts for retries alone.
      const oldest = (slot + 1) % SLOTS
      this.#requestsTotal -= this.#requests[oldest]! + this.#requests[slot]!
      this.#requests[oldest] = 0
      this.#requests[slot] = 0
    }
    this.#bucket = bucket
    this.#bucketEndMs = (bucket + 1) * this.#bucketMs
  }

  #restartAt(bucket: number): void {
    this.#requests.fill(0)
    this.#requestsTotal = 0
    this.#retries.fill(0)
    this.#retries[bucket % SLOTS] = this.#retriesTotal
    this.#bucket = bucket
    this.#restart = false
  }
}
