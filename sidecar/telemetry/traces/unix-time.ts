/** What the system tells as wall time has whole milliseconds, cut off. */
const WALL_STEP_MS = 1

/**
 * Monotonic time as Unix time, finer than the wall clock that it follows. A wall clock that cuts off is never ahead of the truth, so the
 * largest difference seen is the best one; one that lies more than a step below it means that the wall clock was set back.
 */
export class UnixTime {
  private readonly nowMs: () => number
  private readonly wallMs: () => number
  private offsetMs = Number.NEGATIVE_INFINITY

  constructor(clock: { nowMs(): number; wallMs(): number }) {
    this.nowMs = () => clock.nowMs()
    this.wallMs = () => clock.wallMs()
  }

  /** Looks at both clocks once more: each look makes the next answers a little better. */
  observe(): void {
    const seenMs = this.wallMs() - this.nowMs()
    if (seenMs > this.offsetMs || seenMs < this.offsetMs - WALL_STEP_MS) this.offsetMs = seenMs
  }

  /** Unix time in microseconds of a moment of the monotonic clock. */
  microseconds(monotonicMs: number): number {
    this.observe()
    return Math.round((this.offsetMs + monotonicMs) * 1000)
  }
}
