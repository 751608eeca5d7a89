import type { Socket } from 'node:net'
import { assert } from '../../common/mod.ts'
import {
  type AnswerSink,
  Exchange,
  Headers,
  NO_BODY,
  type RequestBody,
  type RequestHead,
  type ResponseHead,
  type TunnelEnd,
  type TunnelNear,
} from '../http/mod.ts'
import { breakOff, linger, SocketWriter } from '../transport/mod.ts'
import { HeldBytes } from './held-bytes.ts'
import type { CallerSocket, ServerHost } from './server-host.ts'
import type { ServerPhase, ServerSession } from './server-session.ts'
import { guarded, ownSocket } from './socket-events.ts'

/** Who waits for the far side to speak first, or for the caller. */
export interface Guesser {
  /** Takes the session, or withdraws it. */
  serverSpoke(bytes: Buffer): void
  /** Withdraws the session. */
  serverGone(how: 'end' | 'broken'): void
}

/** `begun`: the far side is being looked for. */
type State =
  | { readonly kind: 'new' }
  | { readonly kind: 'begun'; readonly x: Exchange }
  | { readonly kind: 'tunnel'; readonly x: Exchange; readonly far: TunnelEnd }
  | { readonly kind: 'closed' }
  /** It was begun on a guess that turned out wrong: the socket is another's for good. */
  | { readonly kind: 'withdrawn' }

const NEW: State = { kind: 'new' }
const WITHDRAWN: State = { kind: 'withdrawn' }
const CLOSED: State = { kind: 'closed' }

/**
 * A caller's connection whose bytes are passed as they are: one exchange, a CONNECT to where they go, that becomes a tunnel. A half that ends is ended on the
 * other side, what breaks off is broken off there, and each side is paced by the other. What comes before there is a tunnel waits here.
 */
export class OpaqueServerSession implements ServerSession, AnswerSink, RequestBody, TunnelNear {
  readonly socket: Socket
  lastActiveMs: number
  private readonly connection: CallerSocket
  private readonly host: ServerHost
  private readonly writer: SocketWriter
  private readonly ahead = new HeldBytes()
  private state: State = NEW
  private callerEnded = false
  /** While it is begun on a guess, the socket is another's. */
  private guesser: Guesser | undefined = undefined

  constructor(connection: CallerSocket, host: ServerHost) {
    this.connection = connection
    this.socket = connection.socket
    this.host = host
    this.lastActiveMs = host.turn.nowMs()
    this.writer = new SocketWriter(connection.socket, host.turn)
  }

  /** Connects, and leaves the socket to `guesser` until it is taken. */
  guess(guesser: Guesser): void {
    this.guesser = guesser
    this.begin()
  }

  /** The guess was wrong. */
  withdraw(): void {
    const { state } = this
    this.state = WITHDRAWN
    this.guesser = undefined
    if (state.kind !== 'begun' && state.kind !== 'tunnel') return
    state.x.withdraw()
    if (state.kind === 'begun') return
    state.far.end()
    state.far.closed()
  }

  /** Takes the socket over. `note`: what is known of its bytes, for logs. */
  take(note?: string): void {
    const { connection, host } = this
    this.guesser = undefined
    this.lastActiveMs = host.turn.nowMs()
    host.opened(this)
    ownSocket(connection.socket, connection.reads, host.turn, this)
    if (this.state.kind === 'new') this.begin(note)
    else if (note !== undefined && 'x' in this.state) this.state.x.facts.detail = note
  }

  /** Takes over a socket whose caller has been told that it has become a tunnel. `ahead` came behind its request. */
  takeTunnel(x: Exchange, far: TunnelEnd, ahead: Buffer): void {
    this.ahead.append(ahead, 0)
    this.state = { kind: 'begun', x }
    this.take()
    this.switched(x, far)
  }

  private begin(note = ''): void {
    const { host, connection } = this
    const x = new Exchange(headOf(connection), this, this, connection.caller, connection.port, host.turn.nowMs())
    x.facts.detail = note
    this.state = { kind: 'begun', x }
    host.begin(x)
  }

  get phase(): ServerPhase {
    switch (this.state.kind) {
      case 'tunnel':
        return 'tunnel'
      case 'closed':
        return 'closing'
      default:
        return 'answer'
    }
  }

  get unsent(): boolean {
    return this.socket.writableLength > 0
  }

  get paused(): boolean {
    return this.socket.isPaused()
  }

  get exchanges(): number {
    return this.state.kind === 'begun' ? 1 : 0
  }

  /** Bytes are never between two requests: only who speaks them knows when they have ended. */
  closeWhenIdle(): void {}

  timedOut(): void {
    this.breakOff()
  }

  destroy(): void {
    this.breakOff()
  }

  // ---- the caller

  /** Bytes that came before. */
  feed(chunk: Buffer): void {
    guarded(this.host.turn, this, () => this.onData(chunk))
  }

  onData(chunk: Buffer): void {
    const { state } = this
    if (state.kind === 'tunnel') {
      this.lastActiveMs = this.host.turn.nowMs()
      if (!state.far.data(chunk)) this.socket.pause()
    } else if (state.kind === 'begun') {
      this.ahead.append(chunk, 0)
      this.socket.pause()
    }
  }

  onDrain(): void {
    this.writer.drained()
    this.lastActiveMs = this.host.turn.nowMs()
    if (this.state.kind === 'tunnel') this.state.far.drained()
  }

  onEnd(): void {
    this.callerEnded = true
    if (this.state.kind === 'tunnel') this.state.far.end()
  }

  onClose(): void {
    const { state } = this
    this.state = CLOSED
    this.ahead.clear()
    try {
      if (state.kind === 'begun') state.x.callerGone()
      else if (state.kind === 'tunnel') state.far.closed()
    } finally {
      this.host.closed(this)
    }
  }

  onBroken(error: unknown): void {
    this.breakOff()
    this.host.broken(error)
  }

  // ---- AnswerSink: there is a tunnel, or there is nothing that could be said

  switchProtocols(_head: ResponseHead, far: TunnelEnd): TunnelNear {
    assert(this.state.kind === 'begun', 'a tunnel comes once, to who asked for it')
    this.switched(this.state.x, far)
    return this
  }

  private switched(x: Exchange, far: TunnelEnd): void {
    this.state = { kind: 'tunnel', x, far }
    const { ahead } = this
    if (ahead.length > 0) {
      if (far.data(ahead.bytes.subarray(ahead.from))) this.socket.resume()
      else this.socket.pause()
      ahead.clear()
    }
    if (this.callerEnded) far.end()
  }

  inform(_head: ResponseHead): void {}

  head(_head: ResponseHead): void {
    this.failed()
  }

  data(_chunk: Buffer): boolean {
    return true
  }

  end(_trailers: Headers | undefined): void {}

  reset(): void {
    this.failed()
  }

  private failed(): void {
    if (!this.isOurs('broken')) return
    this.state = CLOSED
    breakOff(this.socket)
  }

  // ---- RequestBody: a CONNECT has none

  attach(): void {}

  discard(): void {}

  // ---- TunnelNear

  tunnelWrite(chunk: Buffer): boolean {
    this.guesser?.serverSpoke(chunk)
    if (this.state.kind === 'withdrawn') return true
    this.lastActiveMs = this.host.turn.nowMs()
    return this.writer.bytes(chunk)
  }

  tunnelEnd(): void {
    if (!this.isOurs('end')) return
    this.writer.flush()
    this.socket.end()
  }

  tunnelClose(): void {
    if (!this.isOurs('end')) return
    this.state = CLOSED
    this.writer.flush()
    linger(this.socket)
  }

  breakOff(): void {
    if (this.isOurs('broken')) breakOff(this.socket)
  }

  /** Whether what the far side has come to is the socket's business. While all is a guess, it is the guesser's. */
  private isOurs(how: 'end' | 'broken'): boolean {
    this.guesser?.serverGone(how)
    return this.state.kind !== 'withdrawn'
  }

  resume(): void {
    this.socket.resume()
  }
}

/** RFC 9113, 8.5: a CONNECT, and nothing more. */
function headOf({ bound }: CallerSocket): RequestHead {
  const authority = bound?.authority ?? ''
  return {
    method: 'CONNECT',
    target: authority,
    authority,
    headers: Headers.empty(),
    body: NO_BODY,
    httpVersion: 1,
    grpc: false,
    minorVersion: 1,
    keepAlive: true,
    expectContinue: false,
    upgrade: undefined,
    hasMeshFields: false,
    traceparent: undefined,
  }
}
