/** Bounds of the histogram's buckets, in milliseconds. What is beyond the last is counted in all. */
export const LOOP_DELAY_BOUNDS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const
/** Delays below it are a busy machine's everyday, and no stall. */
const STALL_MS = 50
/** How far back stalls are held against us, and how much of that time may be lost to them: a fifth. */
const WINDOW_MS = 10_000
const STALLED_MS_MAX = 2_000

/**
 * How late a timer runs that asks for every `everyMs`: whatever keeps the event loop keeps it, and each request, for as long. Counts
 * into a histogram, and remembers the stalls of the last ten seconds: a single one of two seconds, or several that come to it, is a
 * sidecar that does not answer as a probe must be told.
 */
export class LoopDelay {
  /** By bucket, and the rest; not cumulative. */
  readonly counts: number[] = new Array<number>(LOOP_DELAY_BOUNDS_MS.length + 1).fill(0)
  sumMs = 0
  count = 0
  private readonly everyMs: number
  private dueMs: number
  // At most one for each STALL_MS of the window.
  private stalls: { readonly atMs: number; readonly delayMs: number }[] = []

  constructor(everyMs: number, nowMs: number) {
    this.everyMs = everyMs
    this.dueMs = nowMs + everyMs
  }

  /** The timer begins to run now; that it did not run before was no delay. */
  begin(nowMs: number): void {
    this.dueMs = nowMs + this.everyMs
  }

  /** The timer has run. Returns how late, in milliseconds. */
  tick(nowMs: number): number {
    const delayMs = Math.max(0, nowMs - this.dueMs)
    this.dueMs = nowMs + this.everyMs
    let bucket = 0
    while (bucket < LOOP_DELAY_BOUNDS_MS.length && delayMs > LOOP_DELAY_BOUNDS_MS[bucket]!) bucket++
    this.counts[bucket]!++
    this.sumMs += delayMs
    this.count++
    if (delayMs >= STALL_MS) this.stalls.push({ atMs: nowMs, delayMs })
    return delayMs
  }

  /** How much of the last ten seconds was lost to stalls, in milliseconds; a stall that is longer than that counts whole. */
  stalledMs(nowMs: number): number {
    this.stalls = this.stalls.filter(({ atMs }) => nowMs - atMs < WINDOW_MS)
    let sumMs = 0
    for (const { delayMs } of this.stalls) sumMs += delayMs
    return sumMs
  }

  stalled(nowMs: number): boolean {
    return isStalled(this.stalledMs(nowMs))
  }
}

/** Whether so much of ten seconds is too much to lose to stalls. */
export function isStalled(stalledMs: number): boolean {
  return stalledMs >= STALLED_MS_MAX
}
