/** After it has said that it is not ready, a sidecar is still sent requests until all callers have been told. */
const WITHDRAWAL_MS = 200
const POLL_MS = 20
/** An application that listens nowhere has gone when it has had no connection for so long; one that listens, when no port answers besides. */
const QUIET_MS = 300
const QUIET_CLIENT_MS = 1_000
/** What the end of a tunnel may take to arrive. */
const LAST_WORDS_MS = 100

/** What is under way, in both directions. Tunnels are WebSockets and other switched protocols, and opaque TCP. */
export interface UnderWay {
  readonly inbound: number
  readonly outbound: number
  readonly tunnels: number
  /** Connections from the application, whatever they carry. */
  readonly applications: number
}

/** `serving`, then one after the other. `alone`: nothing comes in any more, and the application still has its way out. */
type DrainPhase = 'serving' | 'withdrawing' | 'finishing' | 'alone' | 'over'

interface DrainLook {
  readonly phase: DrainPhase
  readonly done: boolean
  /** From others. */
  readonly exchanges: number
  readonly tunnels: number
}

export interface DrainParts {
  /** Monotonic. */
  nowMs(): number
  pause(ms: number): Promise<void>
  underWay(): Promise<UnderWay>
  /** Readiness fails, and every session hears that we are leaving. */
  leave(): void
  /** Whoever still comes is refused, with the cause. */
  refuse(): void
  /** Whether the application listens anywhere, and whether any of that answers. */
  application(): 'answers' | 'silent' | 'listens-nowhere'
  /** Both sides of each see an orderly end. */
  endTunnels(): void
  log(fields: Readonly<Record<string, unknown>>, message: string): void
}

/**
 * The end of a sidecar's life, in order: it says that it is leaving, serves until that is known, refuses what still comes, waits for what is under way,
 * and stays for its application's own requests until that has gone.
 */
export class Drain {
  private readonly parts: DrainParts
  private current: DrainPhase = 'serving'
  private readonly refusing = Promise.withResolvers<void>()

  constructor(parts: DrainParts) {
    this.parts = parts
  }

  get phase(): DrainPhase {
    return this.current
  }

  /** How far it is. `done`: nothing that came from others is under way, and nothing more is let in. */
  async look(): Promise<DrainLook> {
    const { inbound, tunnels } = await this.parts.underWay()
    const letsIn = this.current === 'serving' || this.current === 'withdrawing'
    return { phase: this.current, done: !letsIn && inbound + tunnels === 0, exchanges: inbound, tunnels }
  }

  /** Takes no new work from others from now on, but for the moment until they know. Does nothing when it has begun. */
  begin(limitMs = WITHDRAWAL_MS): void {
    if (this.current !== 'serving') return
    this.current = 'withdrawing'
    const { parts } = this
    parts.leave()
    parts.log({}, 'Draining: no new work is taken')
    void parts.pause(Math.min(WITHDRAWAL_MS, limitMs)).then(() => {
      parts.refuse()
      this.current = 'finishing'
      this.refusing.resolve()
    })
  }

  /**
   * Settles when the sidecar may end: what is under way has ended, and the application has gone, or `limitMs` have passed. With
   * `stays` the application goes on without us: only its requests that are under way are waited for.
   */
  async run(limitMs: number, stays: boolean): Promise<void> {
    const { parts } = this
    const endMs = parts.nowMs() + limitMs
    this.begin(limitMs)
    await this.refusing.promise
    const late = (): boolean => parts.nowMs() >= endMs
    while (!(await this.look()).done && !late()) await parts.pause(POLL_MS)
    this.current = 'alone'
    const gone = stays ? async () => (await parts.underWay()).outbound === 0 : this.applicationHasGone()
    while (!(await gone()) && !late()) await parts.pause(POLL_MS)
    await this.lastWords(limitMs)
    this.current = 'over'
  }

  private async lastWords(limitMs: number): Promise<void> {
    const { parts } = this
    const { inbound, outbound, tunnels } = await parts.underWay()
    if (inbound + outbound + tunnels > 0)
      parts.log({ inbound, outbound, tunnels, limitMs }, 'Cannot wait any longer: what is under way is ended')
    if (tunnels === 0) return
    parts.endTunnels()
    const endMs = parts.nowMs() + LAST_WORDS_MS
    while ((await parts.underWay()).tunnels > 0 && parts.nowMs() < endMs) await parts.pause(POLL_MS)
    // They are counted out before their last bytes have left.
    await parts.pause(POLL_MS)
  }

  /** Nobody tells a sidecar that the program beside it has ended. It listens no more, and its connections are gone: a kernel closes both. */
  private applicationHasGone(): () => Promise<boolean> {
    const { parts } = this
    let quietSinceMs = parts.nowMs()
    return async () => {
      const application = parts.application()
      const { applications } = await parts.underWay()
      const now = parts.nowMs()
      if (application === 'answers' || applications > 0) quietSinceMs = now
      return now - quietSinceMs >= (application === 'silent' ? QUIET_MS : QUIET_CLIENT_MS)
    }
  }
}
