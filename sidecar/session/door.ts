import type { Socket } from 'node:net'
import type { H1Problem } from '../codec/h1/mod.ts'
import type { ServerFirst } from '../detect/mod.ts'
import type { Exchange } from '../http/mod.ts'
import type { Turn } from '../transport/mod.ts'
import { DetectingSession } from './detecting.ts'
import type { H1ServerSession } from './h1-server.ts'
import { H2ServerSession } from './h2-server.ts'
import { OpaqueServerSession } from './opaque-server.ts'
import type { CallerSocket, Found, ServerHost } from './server-host.ts'
import { type ServerSession, TUNNEL_IDLE_MS } from './server-session.ts'
import { guarded } from './socket-events.ts'

/** A head that is not whole by then is not coming. nginx waits 60 s, HAProxy's advice is 10 s. */
const HEAD_MS = 10_000
/** A body of which nothing comes for so long; a last answer that isn't read for so long. */
const PAUSE_MS = 60_000
/**
 * A body, of a request or an answer, of which nobody takes more for so long. While its caller isn't read, nothing tells that it has gone;
 * and one that reads nothing would hold a connection to the application for ever.
 */
const STALL_MS = 300_000

export interface DoorOptions
  extends Pick<ServerHost, 'turn' | 'serverFirst' | 'begin' | 'connect' | 'detected' | 'broken' | 'draining'> {
  refused(why: H1Problem): void
  /** How long a caller may keep a connection without a request. */
  readonly idleMs: number
}

/** A caller's connection as a listener gives it away. */
export interface Arriving extends CallerSocket {
  /** Read from it already. */
  readonly first?: Buffer | undefined
  /** What TLS has agreed on (RFC 7301). */
  readonly alpn?: string | undefined
}

/** All callers that came in by one listener: counted, swept for the slow and the idle, and closed in order at the end. */
export class Door implements ServerHost {
  private readonly options: DoorOptions
  /** Who has which connection now. */
  private readonly sessions = new Map<Socket, ServerSession>()

  constructor(options: DoorOptions) {
    this.options = options
  }

  /** Takes over a connection. What is spoken on it is found out from its first bytes, where nothing has said so before. */
  accept(arriving: Arriving): void {
    const { first, bound, alpn } = arriving
    if (alpn === 'h2') {
      const { socket, caller, port, reads } = arriving
      const session = new H2ServerSession(socket, caller, port, this, reads)
      if (first !== undefined) session.feed(first)
    } else if (bound?.speaks === 'bytes' && arriving.secure === undefined) {
      const session = new OpaqueServerSession(arriving, this)
      guarded(this.turn, session, TAKE)
      if (first !== undefined) session.feed(first)
    } else {
      const session = new DetectingSession(arriving, this)
      if (first !== undefined) session.feed(first)
    }
  }

  /** Who has a connection that came in here, as long as it is open. */
  sessionOf(socket: Socket): ServerSession | undefined {
    return this.sessions.get(socket)
  }

  get connections(): number {
    return this.sessions.size
  }

  /** Exchanges under way, and those whose answers have not left in whole. */
  get exchanges(): number {
    let count = 0
    for (const { phase, exchanges, unsent } of this.sessions.values()) {
      if (exchanges > 0) count += exchanges
      else if (unsent && phase !== 'tunnel') count++
    }
    return count
  }

  /** Once a second. */
  sweep(): void {
    const now = this.options.turn.nowMs()
    for (const session of this.sessions.values()) {
      session.tend?.(now)
      const { phase } = session
      // Who tends to itself knows each of its tunnels.
      if (phase === 'tunnel' && session.tend !== undefined) session.lastActiveMs = now
      // What the caller waits for is ours to do: nothing of that is its silence, nor of the connection's idle time.
      if (phase === 'answer' && !session.unsent) session.lastActiveMs = now
      const quietMs = now - session.lastActiveMs
      if (phase === 'idle' && quietMs > this.options.idleMs) session.closeWhenIdle()
      else if (quietMs > quietMsMax(session)) session.timedOut()
    }
  }

  /** We are leaving: every session hears it. */
  drain(): void {
    for (const session of this.sessions.values()) session.drain?.()
  }

  closeIdle(): void {
    for (const session of this.sessions.values()) session.closeWhenIdle()
  }

  destroyAll(): void {
    for (const session of this.sessions.values()) session.destroy()
  }

  // ---- ServerHost

  get turn(): Turn {
    return this.options.turn
  }

  get serverFirst(): ServerFirst {
    return this.options.serverFirst
  }

  begin(x: Exchange): void {
    this.options.begin(x)
  }

  connect(x: Exchange, session: H1ServerSession): void {
    this.options.connect(x, session)
  }

  refused(_session: ServerSession, why: H1Problem): void {
    this.options.refused(why)
  }

  detected(found: Found): void {
    this.options.detected(found)
  }

  broken(error: unknown): void {
    this.options.broken(error)
  }

  opened(session: ServerSession): void {
    this.sessions.set(session.socket, session)
  }

  closed(session: ServerSession): void {
    if (this.sessions.get(session.socket) === session) this.sessions.delete(session.socket)
  }

  draining(): boolean {
    return this.options.draining()
  }
}

/** How long a caller may be silent in the middle of something. */
function quietMsMax({ phase, paused }: ServerSession): number {
  switch (phase) {
    case 'head':
      return HEAD_MS
    case 'body':
      return paused ? STALL_MS : PAUSE_MS
    case 'answer':
      return STALL_MS
    case 'closing':
      return PAUSE_MS
    case 'tunnel':
      return TUNNEL_IDLE_MS
    default:
      return Number.POSITIVE_INFINITY
  }
}

const TAKE = (session: OpaqueServerSession): void => session.take()
