import type { Socket } from 'node:net'
import { detect, detectHttp, serverNameOf, serverSpeaks } from '../detect/mod.ts'
import { breakOff } from '../transport/mod.ts'
import { H1ServerSession } from './h1-server.ts'
import { H2ServerSession } from './h2-server.ts'
import { HeldBytes } from './held-bytes.ts'
import { OpaqueServerSession } from './opaque-server.ts'
import type { CallerSocket, Found, ServerHost } from './server-host.ts'
import type { ServerPhase, ServerSession } from './server-session.ts'
import { guarded, ownSocket } from './socket-events.ts'

/** A caller that says nothing for so long may be waiting for its server to speak. */
export const SERVER_FIRST_WAIT_MS = 50
/** A caller that has begun with a word that could be HTTP's, and stops in it, speaks something else. */
export const WORD_MS = 1_000
/** So long a connection is kept for a caller and a server who are both silent. A caller that connects ahead of time needs none. */
export const BOTH_SILENT_MS = 30_000
/** Where the far side can't be reached, or has gone without a word, a caller that still says nothing is ended as it would be without us. */
export const FORSAKEN_MS = 1_000

/** `waiting`: only for the caller. `guessing`: the far side is connected, or being connected, and both are listened to. */
type State =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'guessing'; readonly guess: OpaqueServerSession }
  | { readonly kind: 'forsaken'; readonly how: 'end' | 'broken' }
  | { readonly kind: 'over' }

const WAITING: State = { kind: 'waiting' }
const OVER: State = { kind: 'over' }

/**
 * A caller's connection until it is known what is spoken on it; then it is handed over. Where bytes of any kind may come, the side that speaks first
 * decides: a caller's silence leads to a connection on trial, never to a verdict.
 */
export class DetectingSession implements ServerSession {
  readonly socket: Socket
  lastActiveMs: number
  private readonly connection: CallerSocket
  private readonly host: ServerHost
  private readonly held = new HeldBytes()
  private readonly release: () => void
  private state: State = WAITING
  private timer: NodeJS.Timeout | undefined = undefined
  private guessed = false

  constructor(connection: CallerSocket, host: ServerHost) {
    this.connection = connection
    this.socket = connection.socket
    this.host = host
    this.lastActiveMs = host.turn.nowMs()
    host.opened(this)
    this.release = ownSocket(connection.socket, connection.reads, host.turn, this)
    const { bound } = connection
    if (bound?.speaks !== 'anything') return
    if (connection.secure !== undefined || host.serverFirst.has(bound.authority)) guarded(host.turn, this, BEGIN_GUESS)
    else this.after(SERVER_FIRST_WAIT_MS, BEGIN_GUESS)
  }

  get phase(): ServerPhase {
    return this.held.length === 0 ? 'idle' : 'head'
  }

  get unsent(): boolean {
    return false
  }

  get paused(): boolean {
    return false
  }

  get exchanges(): number {
    return 0
  }

  closeWhenIdle(): void {
    if (this.phase === 'idle') this.end()
  }

  /** Some of a head has come, and no more of it: who reads heads says so. */
  timedOut(): void {
    guarded(this.host.turn, this, TIMED_OUT)
  }

  destroy(): void {
    this.leaveGuess()
    this.socket.destroy()
  }

  breakOff(): void {
    this.leaveGuess()
    breakOff(this.socket)
  }

  /** Bytes that came before. */
  feed(chunk: Buffer): void {
    guarded(this.host.turn, this, () => this.onData(chunk))
  }

  // ---- the caller

  onData(chunk: Buffer): void {
    if (this.state.kind === 'over') return
    const { held } = this
    const first = held.length === 0
    held.give(chunk)
    const found = this.look()
    if (found === 'tls' && this.connection.secure !== undefined) {
      this.giveBack(this.connection.secure)
      return
    }
    if (found !== 'undecided') {
      this.become(found)
      return
    }
    held.settle()
    if (first) this.lastActiveMs = this.host.turn.nowMs()
    if (this.connection.bound?.speaks === 'anything') this.after(WORD_MS, TAKE_AS_BYTES)
  }

  private look(): ReturnType<typeof detect> {
    const { bytes, from } = this.held
    const begun = from === 0 ? bytes : bytes.subarray(from)
    return this.connection.bound?.speaks === 'anything' ? detect(begun) : detectHttp(begun)
  }

  onDrain(): void {
    // Nothing is written here.
  }

  /** A caller that ends its half within a word, or at once, has said all that it will: that is no request, and its server may have something to say. */
  onEnd(): void {
    if (this.state.kind === 'over') return
    const bytesMayBe = this.held.length > 0 || this.state.kind === 'guessing' || !this.guessed
    if (this.connection.bound?.speaks === 'anything' && bytesMayBe) {
      this.become(this.held.length > 0 ? 'opaque' : 'undecided').onEnd()
    } else if (this.held.length > 0) this.become('http1').onEnd()
    else this.end()
  }

  onClose(): void {
    this.leaveGuess()
    this.over()
    this.host.closed(this)
  }

  onBroken(error: unknown): void {
    this.destroy()
    this.host.broken(error)
  }

  // ---- the guess

  beginGuess(): void {
    const guess = new OpaqueServerSession(this.connection, this.host)
    this.state = { kind: 'guessing', guess }
    this.guessed = true
    this.after(BOTH_SILENT_MS, STOP_GUESSING)
    guess.guess(this)
  }

  /** The far side has spoken first. */
  serverSpoke(bytes: Buffer): void {
    if (this.state.kind !== 'guessing') return
    if (serverSpeaks(bytes) === 'http') {
      // It has only told that it is there, or that it has waited for too long: the caller is still to ask.
      this.stopGuessing()
      return
    }
    const { bound } = this.connection
    if (bound !== undefined && this.held.length === 0) this.host.serverFirst.remember(bound.authority)
    this.become('server-first')
  }

  /** The far side can't be reached, or has gone without a word. */
  serverGone(how: 'end' | 'broken'): void {
    if (this.state.kind !== 'guessing') return
    this.leaveGuess()
    this.state = { kind: 'forsaken', how }
    // Who has said something is told when it has said enough.
    if (this.held.length === 0) this.after(FORSAKEN_MS, END_FORSAKEN)
  }

  stopGuessing(): void {
    this.leaveGuess()
    this.state = WAITING
    if (this.held.length === 0) this.stopTimer()
  }

  endForsaken(): void {
    if (this.state.kind !== 'forsaken') return
    if (this.state.how === 'end') this.end()
    else this.breakOff()
  }

  private leaveGuess(): void {
    const { state } = this
    if (state.kind !== 'guessing') return
    this.state = WAITING
    state.guess.withdraw()
  }

  // ---- the verdict

  takeAsBytes(): void {
    if (this.held.length > 0) this.become('opaque')
  }

  /** Who reads heads knows what to say of one that isn't whole. */
  refuseSlowHead(): void {
    const session = this.become(this.connection.bound?.speaks === 'anything' ? 'opaque' : 'http1')
    if (session instanceof H1ServerSession) session.timedOut()
  }

  /** Hands the socket over, with all that has come. */
  private become(found: Found): H1ServerSession | H2ServerSession | OpaqueServerSession {
    const { connection, host, held } = this
    const bytes = held.from === 0 ? held.bytes : held.bytes.subarray(held.from)
    const guess = this.state.kind === 'guessing' ? this.state.guess : undefined
    const isHttp = found === 'http1' || found === 'http2'
    if (isHttp) {
      this.leaveGuess()
      if (connection.bound !== undefined) host.serverFirst.forget(connection.bound.authority)
    }
    this.over()
    this.release()
    // Where nothing but requests can come, there is nothing to find out.
    if (connection.bound !== undefined) host.detected(found)
    const session = isHttp ? httpSession(connection, host, found) : (guess ?? new OpaqueServerSession(connection, host))
    if (session instanceof OpaqueServerSession) {
      const name = found === 'tls' ? serverNameOf(bytes) : undefined
      session.take(name === undefined ? undefined : `TLS for ${name}`)
    }
    if (bytes.length > 0) session.feed(bytes)
    return session
  }

  /** It is not what came in here. */
  private giveBack(secure: (read: Buffer) => void): void {
    const read = Buffer.from(this.held.bytes.subarray(this.held.from))
    this.held.clear()
    this.leaveGuess()
    this.over()
    this.release()
    this.host.closed(this)
    secure(read)
  }

  private end(): void {
    this.leaveGuess()
    this.over()
    this.socket.end()
    this.socket.destroySoon()
  }

  private over(): void {
    this.stopTimer()
    this.state = OVER
  }

  private after(delayMs: number, work: (self: DetectingSession) => void): void {
    this.stopTimer()
    this.timer = setTimeout(() => guarded(this.host.turn, this, work), delayMs)
  }

  private stopTimer(): void {
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.timer = undefined
  }
}

function httpSession(
  { socket, caller, port, reads, bound }: CallerSocket,
  host: ServerHost,
  found: 'http1' | 'http2',
): H1ServerSession | H2ServerSession {
  if (found === 'http2') return new H2ServerSession(socket, caller, port, host, reads)
  const session = new H1ServerSession(socket, caller, port, host, reads)
  session.authority = bound?.authority
  return session
}

const BEGIN_GUESS = (self: DetectingSession): void => self.beginGuess()
const STOP_GUESSING = (self: DetectingSession): void => self.stopGuessing()
const TAKE_AS_BYTES = (self: DetectingSession): void => self.takeAsBytes()
const END_FORSAKEN = (self: DetectingSession): void => self.endForsaken()
const TIMED_OUT = (self: DetectingSession): void => self.refuseSlowHead()
