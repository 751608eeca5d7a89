/** Frames that lead to nothing (PING, SETTINGS, PRIORITY, empty DATA, unknown ones) that a peer may send at once ... */
const FRAMES_MAX = 1_000
/**
 * ... and each second. What carries something earns more, whoever sends it: who takes our data pings to measure the bandwidth (gRPC's BDP), and gives
 * back small pieces of windows.
 */
const FRAMES_PER_SECOND = 200
/** Streams that a peer may reset, or make us reset, at once: as many as a page that is left, or a client that is ended, has under way ... */
const RESETS_MAX = 300
/** ... and each second. A client with short time limits resets many, each a request that has been worked on; who is served earns more, one for one. */
const RESETS_PER_SECOND = 100
/**
 * A connection begins with fewer: whoever means harm comes anew each time, and what it begins in one piece holds everybody else up. Who stays a
 * while has the rest.
 */
const RESETS_FIRST = 100
/** What comes with what we send, or was on its way when we ended a stream: so many count as one. */
const LITTLE = 1 / 16

/** Leaky buckets for what costs us more than it costs the peer. Frames that carry something fill the first again, streams that end in order the second. */
export class FrameBudget {
  private frames = FRAMES_MAX
  private resets = RESETS_FIRST
  private refilledMs: number
  /** Frames of DATA that we had sent when it was refilled. */
  private sentBefore = 0

  constructor(nowMs: number) {
    this.refilledMs = nowMs
  }

  /** False: too many. `sent` is how many frames of DATA we have sent so far. */
  spend(nowMs: number, sent: number): boolean {
    return this.take(1, nowMs, sent)
  }

  spendLittle(nowMs: number, sent: number): boolean {
    return this.take(LITTLE, nowMs, sent)
  }

  private take(frames: number, nowMs: number, sent: number): boolean {
    this.frames -= frames
    if (this.frames >= 0) return true
    this.refill(nowMs)
    this.frames = Math.min(FRAMES_MAX, this.frames + sent - this.sentBefore)
    this.sentBefore = sent
    return this.frames >= 0
  }

  spendReset(nowMs: number): boolean {
    this.resets--
    if (this.resets < 0) this.refill(nowMs)
    return this.resets >= 0
  }

  earn(): void {
    if (this.frames < FRAMES_MAX) this.frames++
  }

  earnReset(): void {
    if (this.resets < RESETS_MAX) this.resets++
  }

  /** Only when something runs out: nobody needs to know before. */
  private refill(nowMs: number): void {
    const seconds = (nowMs - this.refilledMs) / 1_000
    this.refilledMs = nowMs
    this.frames = Math.min(FRAMES_MAX, this.frames + seconds * FRAMES_PER_SECOND)
    this.resets = Math.min(RESETS_MAX, this.resets + seconds * RESETS_PER_SECOND)
  }
}
