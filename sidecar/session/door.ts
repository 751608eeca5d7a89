import type { Socket } from 'node:net'
import type { H1Problem } from '../codec/h1/mod.ts'
import type { Caller, Exchange } from '../http/mod.ts'
import type { Reads, Turn } from '../transport/mod.ts'
import { H1ServerSession } from './h1-server.ts'
import type { ServerHost } from './server-host.ts'

/** A head that is not whole by then is not coming. nginx waits 60 s, HAProxy's advice is 10 s. */
const HEAD_MS = 10_000
/** A body of which nothing comes for so long; a last answer that isn't read for so long. */
const PAUSE_MS = 60_000
/**
 * A body, of a request or an answer, of which nobody takes more for so long. While its caller isn't read, nothing tells that it has gone;
 * and one that reads nothing would hold a connection to the application for ever.
 */
const STALL_MS = 300_000

export interface DoorOptions {
  readonly turn: Turn
  begin(x: Exchange): void
  connect(x: Exchange, session: H1ServerSession): void
  refused(why: H1Problem): void
  /** What is spoken inside a CONNECT to a service of the mesh. All but HTTP/1.1 is refused. */
  detected(found: 'http1' | 'http2' | 'tls' | 'opaque'): void
  broken(error: unknown): void
  draining(): boolean
  /** How long a caller may keep a connection without a request. */
  readonly idleMs: number
}

/** All callers that came in by one listener: counted, swept for the slow and the idle, and closed in order at the end. */
export class Door implements ServerHost {
  private readonly options: DoorOptions
  private readonly sessions = new Set<H1ServerSession>()

  constructor(options: DoorOptions) {
    this.options = options
  }

  /** Takes over a connection. `first` has been read from it already. */
  accept(socket: Socket, caller: Caller, port: number, first: Buffer | undefined, reads?: Reads): H1ServerSession {
    const session = new H1ServerSession(socket, caller, port, this, reads)
    if (first !== undefined) session.feed(first)
    return session
  }

  get connections(): number {
    return this.sessions.size
  }

  /** Exchanges under way, and those whose answers have not left in whole. */
  get exchanges(): number {
    let count = 0
    for (const { phase, unsent } of this.sessions) if (phase === 'body' || phase === 'answer' || unsent) count++
    return count
  }

  /** Once a second. */
  sweep(): void {
    const now = this.options.turn.nowMs()
    for (const session of this.sessions) {
      const { phase } = session
      // What the caller waits for is ours to do: nothing of that is its silence, nor of the connection's idle time.
      if ((phase === 'answer' && !session.unsent) || phase === 'tunnel') session.lastActiveMs = now
      const quietMs = now - session.lastActiveMs
      if (phase === 'idle' && quietMs > this.options.idleMs) session.closeWhenIdle()
      else if (quietMs > quietMsMax(session)) session.timedOut()
    }
  }

  closeIdle(): void {
    for (const session of this.sessions) session.closeWhenIdle()
  }

  destroyAll(): void {
    for (const session of this.sessions) session.destroy()
  }

  // ---- ServerHost

  get turn(): Turn {
    return this.options.turn
  }

  begin(x: Exchange): void {
    this.options.begin(x)
  }

  connect(x: Exchange, session: H1ServerSession): void {
    this.options.connect(x, session)
  }

  refused(_session: H1ServerSession, why: H1Problem): void {
    this.options.refused(why)
  }

  detected(_session: H1ServerSession, found: 'http1' | 'http2' | 'tls' | 'opaque'): void {
    this.options.detected(found)
  }

  broken(error: unknown): void {
    this.options.broken(error)
  }

  opened(session: H1ServerSession): void {
    this.sessions.add(session)
  }

  closed(session: H1ServerSession): void {
    this.sessions.delete(session)
  }

  draining(): boolean {
    return this.options.draining()
  }
}

/** How long a caller may be silent in the middle of something. */
function quietMsMax({ phase, paused }: H1ServerSession): number {
  switch (phase) {
    case 'head':
      return HEAD_MS
    case 'body':
      return paused ? STALL_MS : PAUSE_MS
    case 'answer':
      return STALL_MS
    case 'closing':
      return PAUSE_MS
    default:
      return Number.POSITIVE_INFINITY
  }
}
