import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  CODE,
  type ConnectionFault,
  codeName,
  FRAME_HEADER_BYTES,
  type RequestFault,
  readRequestHead,
  SETTING,
  WINDOW_MAX,
} from '../codec/h2/mod.ts'
import { type Caller, Exchange, ownHead, type RequestHead, type ResponseHead } from '../http/mod.ts'
import { breakOff, type Reads } from '../transport/mod.ts'
import { H2Connection } from './h2-connection.ts'
import { H2ServerStream } from './h2-server-stream.ts'
import type { H2Stream } from './h2-stream.ts'
import { REASONS } from './last-words.ts'
import type { ServerHost } from './server-host.ts'
import { type ServerPhase, type ServerSession, TUNNEL_IDLE_MS } from './server-session.ts'

/** Requests that one caller may have under way on one connection. More are refused, and come again on another. */
const STREAMS_MAX = 256
/** A caller with requests under way that says nothing for so long is asked whether it is there ... */
const QUIET_MS = 30_000
/** ... and has so long to answer. */
const PONG_MS = 10_000
/** What a caller doesn't read for so long, nobody wants. */
const STALL_MS = 60_000
/** A body whose length was announced, and of which nothing comes for so long. Streams without an end in sight may be silent for hours. */
const BODY_MS = 60_000
/** A caller that is told to go elsewhere has so long to answer a PING, and with it to say that it was told. */
const GOAWAY_MS = 1_000

/** One caller's HTTP/2 connection: many exchanges at once. */
export class H2ServerSession extends H2Connection implements ServerSession {
  readonly caller: Caller
  readonly port: number
  lastActiveMs: number
  private readonly host: ServerHost
  /** The last stream that is served. */
  private lastId = 0
  /** The last that came: behind it, those that were refused. */
  private seenId = 0
  /** Whether a frame that had begun was not whole at the last look. */
  private wasMidFrame = false
  private tunnels = 0
  /** `asked`: the caller has been told to go elsewhere, and what it sent before it knew is still served. `told`: what comes now is refused. */
  private leaving: 'no' | 'asked' | 'told' = 'no'
  private askedMs = 0

  /** Without `reads`, the socket is read as a stream. */
  constructor(socket: Socket, caller: Caller, port: number, host: ServerHost, reads?: Reads) {
    super(socket, host.turn, true, reads)
    this.caller = caller
    this.port = port
    this.host = host
    this.lastActiveMs = host.turn.nowMs()
    host.opened(this)
    this.guarded(() =>
      this.begin(false, [
        [SETTING.maxConcurrentStreams, STREAMS_MAX],
        [SETTING.enableConnectProtocol, 1],
        ...this.commonSettings(),
      ]),
    )
  }

  /** Bytes that came before the session took the socket over. */
  feed(chunk: Buffer): void {
    this.guarded(() => this.take(chunk))
  }

  // ---- ServerSession

  get phase(): ServerPhase {
    if (this.over) return 'closing'
    if (this.byId.size > 0) return 'answer'
    return !this.peer.known || this.midFrame ? 'head' : 'idle'
  }

  /** Its streams look after theirs; what is left of those that have ended is the connection's. */
  get unsent(): boolean {
    return this.byId.size === 0 && (this.out.writer.pending > 0 || this.socket.writableLength > 0)
  }

  get paused(): boolean {
    return false
  }

  get exchanges(): number {
    return this.byId.size - this.tunnels
  }

  /** In two steps (RFC 9113, 6.8), so that no request that is on its way is lost. */
  closeWhenIdle(): void {
    if (this.leaving !== 'no' || this.over) return
    this.leaving = 'asked'
    this.askedMs = this.turn.nowMs()
    this.guarded(() => {
      this.out.goaway(WINDOW_MAX, CODE.none)
      this.ping()
    })
  }

  drain(): void {
    this.closeWhenIdle()
  }

  private refuseFurther(): void {
    if (this.leaving !== 'asked') return
    this.leaving = 'told'
    this.out.goaway(this.lastId, CODE.none)
    this.closeIfDone()
  }

  private closeIfDone(): void {
    if (this.leaving === 'told' && this.byId.size === 0) this.finish(CODE.none, 'the connection was closed in order')
  }

  timedOut(): void {
    if (this.phase === 'head') this.guarded(() => this.fail(CODE.settingsTimeout, 'a frame did not come in time'))
    else this.destroy()
  }

  destroy(): void {
    this.socket.destroy()
  }

  breakOff(): void {
    breakOff(this.socket)
  }

  /** Once a second. */
  tend(nowMs: number): void {
    if (this.leaving === 'asked' && nowMs - this.askedMs >= GOAWAY_MS) this.guarded(() => this.refuseFurther())
    if (this.byId.size === 0) {
      // Its time begins with it, and not with the silence before.
      if (this.midFrame && !this.wasMidFrame) this.lastActiveMs = nowMs
      this.wasMidFrame = this.midFrame
      return
    }
    this.guarded(() => {
      this.probe(nowMs, QUIET_MS, PONG_MS)
      for (const stream of [...this.byId.values()]) {
        const quietMs = nowMs - stream.lastActiveMs
        if (stream instanceof H2ServerStream && stream.isTunnel && quietMs > TUNNEL_IDLE_MS) {
          this.resetStream(stream, CODE.cancel, 'the tunnel carried nothing for too long')
          continue
        }
        if (stream.waitingBytes > 0 && quietMs > STALL_MS) {
          this.host.refused(this, { status: 408, detail: 'the answer was not read in time' })
          this.resetStream(stream, CODE.cancel, 'the answer was not read in time')
        } else if (stream.announced > 0 && !stream.isPaused && quietMs > BODY_MS) {
          this.host.refused(this, { status: 408, detail: 'the body did not come in time' })
          this.resetStream(stream, CODE.cancel, 'the body did not come in time')
        }
      }
    })
  }

  // ---- for streams

  /** HEADERS of an answer: interim, or the head. */
  sendHead(stream: H2ServerStream, head: ResponseHead): void {
    const { writer, heads } = this.out
    const bytesMax = heads.responseBytesMax(head)
    writer.reserve(FRAME_HEADER_BYTES + bytesMax)
    const { at } = writer
    const end = heads.response(head, writer.piece, at + FRAME_HEADER_BYTES)
    this.out.block(stream, bytesMax, 0, end, at)
    if (this.leaving === 'no' && this.host.draining()) this.closeWhenIdle()
  }

  tunnelBegan(): void {
    this.tunnels++
  }

  // ---- H2Connection

  protected get lastPeerStream(): number {
    return this.lastId
  }

  protected onNewStream(id: number, endStream: boolean): boolean {
    if (id % 2 === 0) return this.fail(CODE.protocol, 'an even stream')
    if (id <= this.seenId) return this.fail(CODE.streamClosed, 'HEADERS on a stream that is over')
    this.seenId = id
    if (this.leaving === 'told') {
      this.writeReset(id, CODE.refusedStream)
      return this.spendReset()
    }
    this.lastId = id
    if (this.byId.size >= STREAMS_MAX) {
      this.writeReset(id, CODE.refusedStream)
      return this.spendReset()
    }
    const read = readRequestHead(this.fields, endStream, this.caller.kind !== 'peer')
    if (!read.ok) return this.refuse(id, read.error, endStream)
    const head = read.value
    const stream = new H2ServerStream(this, id, endStream)
    stream.sendWindow = this.peer.initialWindow
    this.byId.set(id, stream)
    if (head.body.kind === 'length') stream.expectLength(head.body.length)
    else if (head.body.kind === 'none' && head.upgrade === undefined && head.method !== 'CONNECT')
      stream.expectLength(0)
    if (head.upgrade !== undefined) completeUpgrade(head)
    const x = new Exchange(head, stream, stream, this.caller, this.port, this.turn.nowMs())
    stream.begin(x)
    this.host.begin(x)
    return !this.over
  }

  /** What can't be served is answered where that says more than a reset. */
  private refuse(id: number, { status, detail }: RequestFault, endStream: boolean): boolean {
    this.host.refused(this, { status: status === 0 ? 400 : status, detail })
    if (status === 0) this.writeReset(id, CODE.protocol)
    else this.answer(id, status, detail, endStream)
    return this.spendReset()
  }

  private answer(id: number, status: 400 | 414 | 417 | 431, detail: string, endStream: boolean): void {
    const stream = new H2ServerStream(this, id, endStream)
    stream.sendWindow = this.peer.initialWindow
    this.byId.set(id, stream)
    const body = Buffer.from(`selvedge: bad-request: ${detail}\n`)
    const fields = [
      ['content-type', 'text/plain; charset=utf-8'],
      ['x-selvedge-cause', 'bad-request'],
    ] as const
    stream.head(ownHead(status, REASONS[status], fields, body.length))
    stream.data(body)
    stream.end(undefined)
  }

  protected onHeadTooLarge(id: number, stream: H2Stream | undefined): void {
    const detail = 'the head is too large'
    this.host.refused(this, { status: 431, detail })
    if (stream !== undefined) this.resetStream(stream, CODE.protocol, 'trailers that are too large')
    else if (id % 2 === 0 || id <= this.seenId) this.fail(CODE.protocol, 'HEADERS on a stream that is over')
    else {
      this.seenId = id
      this.lastId = id
      // Its body, if there is one, is not wanted.
      this.answer(id, 431, detail, false)
    }
  }

  protected isIdle(id: number): boolean {
    return id % 2 === 0 || id > this.seenId
  }

  protected onGoaway(_lastStream: number, _code: number): void {
    // The caller is leaving: it makes no further streams, and closes when it has its answers.
  }

  protected onSettings(): void {
    this.lastActiveMs = this.turn.nowMs()
  }

  protected onPong(): void {
    this.refuseFurther()
  }

  protected onFault({ code, detail }: ConnectionFault): void {
    this.host.refused(this, { status: 400, detail: `${detail} (${codeName(code)})` })
  }

  protected onOver(): void {
    this.host.closed(this)
  }

  protected onBroken(error: unknown): void {
    this.host.broken(error)
  }

  protected streamOver(stream: H2Stream): void {
    if (stream instanceof H2ServerStream && stream.isTunnel) {
      this.tunnels--
      stream.tunnelOver()
    }
    if (this.byId.size > 0) return
    this.lastActiveMs = this.turn.nowMs()
    if (this.leaving === 'told' && !this.over) this.closeIfDone()
  }
}

/** HTTP/1.1's opening handshake has a key (RFC 6455, 4.1), which RFC 8441, 5 does without. */
function completeUpgrade({ upgrade, headers }: RequestHead): void {
  if (upgrade?.toLowerCase() === 'websocket' && !headers.has('sec-websocket-key')) {
    headers.add('sec-websocket-key', randomBytes(16).toString('base64'))
  }
}
