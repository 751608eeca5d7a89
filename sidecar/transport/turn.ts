import { Pieces } from './pieces.ts'

/** What is flushed at the end of a turn. */
export interface Flushable {
  /** Writes all. */
  flush(): void
  /** As `flush`, unless it has chosen to wait for the end of the round. */
  turnEnds(): void
}

/**
 * One turn of the event loop, as the data path sees it: one reading of the clock for all that happens in it, and one write for each
 * socket at its end. Everything that a socket's event sets off runs between `begin` and `end`; what happens elsewhere (a timer, a
 * promise) is flushed by a microtask, and reads the clock itself.
 */
export class Turn {
  /** What writers compose in. */
  readonly pieces = new Pieces()
  private readonly clockMs: () => number
  private depth = 0
  private startMs = 0
  /** The first `count` wait. The array stays as long as it once was: one that is emptied has to grow again in the next turn. */
  private readonly dirty: (Flushable | undefined)[] = []
  private count = 0
  private scheduled = false
  private readonly flushSoon: () => void
  private late: Flushable[] = []
  private readonly flushLate: () => void

  constructor(clockMs: () => number) {
    this.clockMs = clockMs
    this.flushLate = () => {
      const { late } = this
      this.late = []
      for (const writer of late) writer.flush()
    }
    this.flushSoon = () => {
      this.scheduled = false
      if (this.depth === 0) this.flush()
    }
  }

  /** Monotonic milliseconds. */
  nowMs(): number {
    return this.depth === 0 ? this.clockMs() : this.startMs
  }

  begin(): void {
    if (this.depth++ === 0) this.startMs = this.clockMs()
  }

  /** Each `begin` has one `end`, whatever was thrown in between. */
  end(): void {
    if (--this.depth === 0) this.flush()
  }

  /** Something has been written that has to leave at the end of this turn. */
  touch(writer: Flushable): void {
    this.dirty[this.count++] = writer
    if (this.depth === 0 && !this.scheduled) {
      this.scheduled = true
      queueMicrotask(this.flushSoon)
    }
  }

  /**
   * As `touch`, for what many turns write to: it leaves when all that the kernel had to tell has been heard, in one write for all of
   * them.
   */
  touchLate(writer: Flushable): void {
    this.late.push(writer)
    if (this.late.length === 1) setImmediate(this.flushLate)
  }

  private flush(): void {
    const { dirty } = this
    // What a flush touches comes behind, and is flushed as well.
    for (let i = 0; i < this.count; i++) {
      const writer = dirty[i]
      dirty[i] = undefined
      writer?.turnEnds()
    }
    this.count = 0
  }
}
