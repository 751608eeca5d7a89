import type { RefusalReason } from './admission.ts'

export type Direction = 'inbound' | 'outbound' | 'pages'

/** An episode of refusals is over when none came for so long. */
const QUIET_MS = 5_000

const ADVICE: Readonly<Record<Exclude<RefusalReason, 'memory'>, string>> = {
  limit: 'as many are open as --connections-max allows',
  descriptors: 'the process has no more file descriptors for them. Raise its limit (ulimit -n)',
}

interface Episode {
  lastMs: number
  count: number
}

/** Counts connections that are closed as soon as they came, and says once that it begins and once that it is over. */
export class Refusals {
  readonly counts = new Map<string, { readonly direction: Direction; readonly reason: RefusalReason; count: number }>()
  private readonly episodes = new Map<string, Episode>()
  private readonly nowMs: () => number
  private readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }

  constructor(nowMs: () => number, log: Refusals['log']) {
    this.nowMs = nowMs
    this.log = log
  }

  note(direction: Direction, reason: RefusalReason): void {
    const key = `${direction} ${reason}`
    const counted = this.counts.get(key)
    if (counted === undefined) this.counts.set(key, { direction, reason, count: 1 })
    else counted.count++
    // Of memory the watch has spoken.
    if (reason === 'memory') return
    const episode = this.episodes.get(key)
    if (episode !== undefined) {
      episode.lastMs = this.nowMs()
      episode.count++
      return
    }
    this.episodes.set(key, { lastMs: this.nowMs(), count: 1 })
    this.log.warn({ direction, reason }, `Cannot accept connections: ${ADVICE[reason]}. What comes is closed at once`)
  }

  /** A few times a second. */
  tick(): void {
    for (const [key, { lastMs, count }] of this.episodes) {
      if (this.nowMs() - lastMs < QUIET_MS) continue
      this.episodes.delete(key)
      const [direction, reason] = key.split(' ')
      this.log.info({ direction, reason, refused: count }, 'Connections are accepted again')
    }
  }
}
