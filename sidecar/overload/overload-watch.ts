import { isStalled, LoopDelay } from './loop-delay.ts'
import { type MemoryLevel, type MemoryReading, nextLevel } from './memory-level.ts'

/** What we need of a logger; pino is one. */
export interface OverloadLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface OverloadParts {
  /** Monotonic. */
  nowMs(): number
  readMemory(): MemoryReading
  /** Collects garbage, whole and at once; takes as long as that takes. */
  collect(): void
  /** Closes connections that carry nothing. Called with each sample while memory is short. */
  closeIdle(): void
  /** How much of the last ten seconds the worst of other threads lost to stalls, in milliseconds. @default none are there */
  othersStalledMs?(): number
  readonly log: OverloadLog
}

/** How often the event loop's delay is taken: a stall is seen with this precision. Ten wake-ups a second are 0.02% of a processor. */
export const TICK_MS = 100
/** Memory is read with each third of them: a burst of 100 MB a second moves a bound of 512 MiB by 6%. */
const TICKS_PER_SAMPLE = 3
/** Collecting all garbage stops us for some 50 ms with each 100 MB: not more often than this, and for a twentieth of the time at most. */
const COLLECT_MS_MIN = 2_000
const COLLECT_REST_FACTOR = 20

/**
 * Watches memory and the event loop, and says whether to take more. Before it refuses anybody it has garbage collected: V8 collects
 * late where it knows of no bound, and what is resident may be nothing but that.
 */
export class OverloadWatch {
  /** While it holds, every request is answered 503. Read by each request. */
  refusesRequests = false
  /** While it holds, connections that come are closed at once. */
  refusesConnections = false
  reading: MemoryReading = { of: 'none', usedBytes: 0, bytesMax: 0, ratio: 0 }
  readonly loop: LoopDelay
  private readonly parts: OverloadParts
  private level: MemoryLevel = 'calm'
  private ticks = 0
  private collectAgainMs = Number.NEGATIVE_INFINITY
  private wasStalled = false
  private timer: NodeJS.Timeout | undefined

  constructor(parts: OverloadParts) {
    this.parts = parts
    this.loop = new LoopDelay(TICK_MS, parts.nowMs())
  }

  start(): void {
    this.loop.begin(this.parts.nowMs())
    this.timer = setInterval(() => this.tick(), TICK_MS)
    this.timer.unref()
  }

  close(): void {
    clearInterval(this.timer)
  }

  /** Why nobody should be sent here now; `undefined` while all is well. */
  get complaint(): string | undefined {
    if (this.refusesRequests) return `overload: ${this.shortage()}`
    const stalledMs = this.stalledMs()
    if (!isStalled(stalledMs)) return undefined
    return `overload: the event loop stood still for ${Math.round(stalledMs)} ms of the last 10 s`
  }

  /** Every TICK_MS. */
  tick(): void {
    const delayMs = this.loop.tick(this.parts.nowMs())
    this.tellStalls(delayMs)
    if (this.ticks++ % TICKS_PER_SAMPLE === 0) this.sample()
  }

  private sample(): void {
    const { readMemory, closeIdle } = this.parts
    this.reading = readMemory()
    let next = nextLevel(this.level, this.reading.ratio)
    if (next !== 'calm' && this.collects()) {
      this.reading = readMemory()
      next = nextLevel(this.level, this.reading.ratio)
    }
    if (next !== this.level) this.enter(next)
    if (next !== 'calm') closeIdle()
  }

  private collects(): boolean {
    const startMs = this.parts.nowMs()
    if (startMs < this.collectAgainMs) return false
    this.parts.collect()
    const endMs = this.parts.nowMs()
    this.collectAgainMs = endMs + Math.max(COLLECT_MS_MIN, (endMs - startMs) * COLLECT_REST_FACTOR)
    return true
  }

  private enter(level: MemoryLevel): void {
    const { log } = this.parts
    const { of, usedBytes, bytesMax, ratio } = this.reading
    const fields = { of, usedBytes, bytesMax, ratio: Math.round(ratio * 1000) / 1000 }
    const before = this.level
    this.level = level
    this.refusesConnections = level !== 'calm'
    this.refusesRequests = level === 'full'
    if (level === 'full') {
      log.warn(fields, 'Cannot take requests: memory is full. They are answered 503 overload until it is below 93%')
    } else if (level === 'calm') log.info(fields, 'Memory suffices again: connections and requests are taken')
    else if (before === 'full') log.warn(fields, 'Requests are taken again, new connections not yet: memory is short')
    else {
      log.warn(
        fields,
        'Cannot take new connections: memory is short. Idle ones are closed, new ones refused until it is below 90%',
      )
    }
  }

  private stalledMs(): number {
    return Math.max(this.loop.stalledMs(this.parts.nowMs()), this.parts.othersStalledMs?.() ?? 0)
  }

  private tellStalls(delayMs: number): void {
    const stalledMs = this.stalledMs()
    const stalled = isStalled(stalledMs)
    if (stalled === this.wasStalled) return
    this.wasStalled = stalled
    if (stalled) {
      const fields = { delayMs: Math.round(delayMs), stalledMs: Math.round(stalledMs) }
      this.parts.log.warn(
        fields,
        'Cannot answer in time: the event loop stood still. /readyz fails until 10 s are better',
      )
    } else this.parts.log.info({}, 'The event loop runs again')
  }

  private shortage(): string {
    const { of, usedBytes, bytesMax } = this.reading
    return `memory is full, ${megabytes(usedBytes)} of ${megabytes(bytesMax)} (${of})`
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}
