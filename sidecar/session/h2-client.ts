import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  CODE,
  type ConnectionFault,
  codeName,
  FLAG,
  FRAME_HEADER_BYTES,
  readResponseHead,
  SETTING,
} from '../codec/h2/mod.ts'
import type { Headers, RequestHead, ResponseHead, TunnelEnd, TunnelNear } from '../http/mod.ts'
import type { Reads, Turn } from '../transport/mod.ts'
import type { ClientCarriage, ClientEvents } from './client.ts'
import { H2Connection } from './h2-connection.ts'
import { H2Stream } from './h2-stream.ts'

/** Streams that we have on one connection, whatever its server allows: beyond, another connection is faster. */
const STREAMS_MAX = 512
/** Interim answers to one request; a server that sends more is not one that we understand. */
const INTERIM_ANSWERS_MAX = 8
/** A server that carries requests and says nothing for so long is asked whether it is there ... */
const QUIET_MS = 10_000
/** ... and has so long to answer. */
const PONG_MS = 5_000
/** The last id that is used: 2^31 - 1 is the last there is. */
const ID_MAX = 0x7fff_fff0
/** RFC 6455, 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Who keeps the session. */
export interface StreamOwner {
  /** A stream has ended: there is room for another. */
  streamEnded(session: H2ClientSession): void
  /** It takes no further streams. */
  streamsRefused(session: H2ClientSession): void
  closed(session: H2ClientSession): void
  broken(error: unknown): void
}

/** One HTTP/2 connection to an endpoint: many requests at once. */
export class H2ClientSession extends H2Connection {
  /** Monotonic time since which it has carried nothing. */
  idleSinceMs: number
  /** Streams that were answered. */
  answered = 0
  private readonly owner: StreamOwner
  private nextId = 1
  private retired = false
  private once = false
  private goneAway = false
  /** Tunnels that wait to hear whether the server knows them. */
  private undecided: (() => void)[] = []

  /** Without `reads`, the socket is read as a stream. */
  constructor(socket: Socket, owner: StreamOwner, turn: Turn, reads?: Reads) {
    super(socket, turn, false, reads)
    this.owner = owner
    this.idleSinceMs = turn.nowMs()
    this.begin(true, [[SETTING.enablePush, 0], ...this.commonSettings()])
  }

  /** Whether another request can be sent now. */
  get hasRoom(): boolean {
    return (
      !this.retired &&
      !this.over &&
      this.byId.size < this.peer.streamsMax &&
      this.byId.size < STREAMS_MAX &&
      this.nextId < ID_MAX &&
      this.socket.writable
    )
  }

  /** A stream for one request, which it becomes when the request is sent. */
  open(): H2ClientStream {
    return new H2ClientStream(this)
  }

  /** As `open`, for those who have waited for the connection. */
  carriage(): H2ClientStream | undefined {
    return this.hasRoom || (this.once && !this.over) ? this.open() : undefined
  }

  /** For a session that has just been made: it serves those who have waited for it, and is closed after them. */
  useOnce(): void {
    this.once = true
    queueMicrotask(() => this.guarded(() => this.retire()))
  }

  /** Takes no further requests; closed at once when it carries none, else behind the last. */
  retire(): void {
    if (!this.retired) this.owner.streamsRefused(this)
    this.retired = true
    this.closeIfDone()
  }

  private closeIfDone(): void {
    if (this.over || this.byId.size > 0 || !(this.retired || this.goneAway)) return
    this.writeGoaway(0, CODE.none)
    this.finish(CODE.none, 'the connection was retired')
    this.socket.destroySoon()
  }

  /** Once a second: whether the server is still there. */
  tend(nowMs: number): void {
    if (this.byId.size > 0) this.guarded(() => this.probe(nowMs, QUIET_MS, PONG_MS))
  }

  // ---- for streams

  /** Sends a request's head, and makes the stream one of the connection's. */
  sendHead(stream: H2ClientStream, head: RequestHead, endStream: boolean): void {
    stream.id = this.nextId
    this.nextId += 2
    stream.sendWindow = this.peer.initialWindow
    this.byId.set(stream.id, stream)
    const { writer, heads } = this
    const bytesMax = heads.requestBytesMax(head)
    writer.reserve(FRAME_HEADER_BYTES + bytesMax)
    const { at } = writer
    const end = heads.request(head, writer.piece, at + FRAME_HEADER_BYTES, true)
    this.writeBlock(stream, bytesMax, endStream ? FLAG.endStream : 0, end, at)
    if (endStream) stream.endedWithHead()
  }

  get usable(): boolean {
    return !this.over && !this.goneAway && this.nextId < ID_MAX && this.socket.writable
  }

  /** Calls `then` when the server's settings are known. */
  whenDecided(then: () => void): void {
    if (this.peer.known) then()
    else this.undecided.push(then)
  }

  /** Reads what was gathered as the head of an answer. */
  readHead(endStream: boolean, method: string) {
    return readResponseHead(this.fields, endStream, method)
  }

  // ---- H2Connection

  protected get lastPeerStream(): number {
    return 0
  }

  protected onNewStream(id: number): boolean {
    if (this.isIdle(id) || id % 2 === 0) return this.fail(CODE.protocol, 'an answer to nothing')
    return this.fail(CODE.streamClosed, 'HEADERS on a stream that is over')
  }

  protected onHeadTooLarge(_id: number, stream: H2Stream | undefined): void {
    if (stream !== undefined) this.resetStream(stream, CODE.protocol, 'the head of the answer is too large')
  }

  protected isIdle(id: number): boolean {
    return id % 2 === 0 || id >= this.nextId
  }

  protected onGoaway(lastStream: number, _code: number): void {
    if (!this.goneAway) {
      this.goneAway = true
      this.retired = true
      this.owner.streamsRefused(this)
    }
    for (const stream of [...this.byId.values()]) {
      if (stream.id <= lastStream) continue
      stream.close()
      stream.onReset(CODE.refusedStream, 'the endpoint is going away')
    }
    this.closeIfDone()
  }

  protected onSettings(): void {
    for (const then of this.undecided.splice(0)) then()
    this.owner.streamEnded(this)
  }

  protected onPong(): void {
    // That it came is all.
  }

  protected onFault(_fault: ConnectionFault): void {
    // The streams hear of it, each with what it was.
    this.owner.streamsRefused(this)
  }

  protected onOver(): void {
    this.undecided = []
    this.owner.closed(this)
  }

  protected onBroken(error: unknown): void {
    this.owner.broken(error)
  }

  protected streamOver(_stream: H2Stream): void {
    if (this.over) return
    if (this.byId.size === 0) this.idleSinceMs = this.turn.nowMs()
    if (this.retired) this.closeIfDone()
    else this.owner.streamEnded(this)
  }
}

/** One request and its answer on an HTTP/2 connection. */
export class H2ClientStream extends H2Stream implements ClientCarriage, TunnelEnd {
  private readonly session: H2ClientSession
  private events: ClientEvents | undefined = undefined
  private method = ''
  /** What a tunnel was asked to speak. */
  private upgrade: string | undefined = undefined
  private websocketKey: string | undefined = undefined
  private wantsTunnel = false
  private sent = false
  private headDone = false
  private bytesSeen = false
  private informs = 0
  private near: TunnelNear | undefined = undefined
  private nearEnded = false

  constructor(session: H2ClientSession) {
    super(session)
    this.session = session
  }

  // ---- ClientCarriage

  get socket(): Socket {
    return this.session.socket
  }

  get reused(): boolean {
    return this.session.answered > 0
  }

  get usable(): boolean {
    return !this.sent && this.session.usable
  }

  send(head: RequestHead, events: ClientEvents): void {
    this.sent = true
    this.events = events
    this.method = head.method
    this.upgrade = head.upgrade
    if (!this.session.usable) {
      queueMicrotask(() => this.failSoon('refused', 'the connection is going away'))
      return
    }
    if (head.upgrade === undefined) {
      this.wantsTunnel = head.method === 'CONNECT'
      this.session.sendHead(this, head, head.body.kind === 'none' && !this.wantsTunnel)
      return
    }
    this.wantsTunnel = true
    this.websocketKey = head.headers.get('sec-websocket-key')
    this.session.whenDecided(() => {
      if (this.events === undefined) return
      if (this.session.peer.connectProtocol) this.session.sendHead(this, head, false)
      else queueMicrotask(() => this.failSoon('protocol-error', 'the endpoint knows no tunnels in HTTP/2 (RFC 8441)'))
    })
  }

  private failSoon(kind: 'refused' | 'protocol-error', detail: string): void {
    const { events } = this
    this.events = undefined
    events?.onFailure(kind, detail, false)
  }

  write(chunk: Buffer): boolean {
    return chunk.length === 0 || this.sendData(chunk)
  }

  finish(trailers: Headers | undefined): void {
    // Of a request without a body the head was the end.
    if (!this.wantsTunnel) this.sendEnd(trailers)
  }

  resume(): void {
    this.resumeReceiving()
  }

  discardAnswer(): void {
    this.abandon()
  }

  abandon(): void {
    this.events = undefined
    if (this.id !== 0) this.session.abandonStream(this, CODE.cancel)
  }

  giveBack(): void {
    this.abandon()
  }

  // ---- H2Stream

  /** Every header block of an answer: interim heads, the head, trailers. */
  onLaterHead(endStream: boolean): void {
    this.bytesSeen = true
    this.lastActiveMs = this.session.nowMs()
    if (this.headDone) {
      const trailers = endStream ? this.session.takeTrailers() : undefined
      if (trailers === undefined) this.session.malformed(this, 'malformed trailers')
      else this.receiveEnd(trailers)
      return
    }
    const read = this.session.readHead(endStream, this.method)
    if (!read.ok) {
      this.session.malformed(this, read.error)
      return
    }
    const head = read.value
    if (head.status < 200) {
      this.interim(head)
      return
    }
    this.headDone = true
    if (this.wantsTunnel && head.status < 300) {
      this.begun(head, endStream)
      return
    }
    if (head.body.kind === 'length') this.expectLength(head.body.length)
    else if (head.body.kind === 'none' && !endStream) this.expectLength(0)
    this.events?.onHead(head)
    if (endStream && !this.over) this.receiveEnd(undefined)
  }

  private interim(head: ResponseHead): void {
    if (++this.informs > INTERIM_ANSWERS_MAX) this.session.malformed(this, 'too many interim answers')
    // 100 answers an Expect of ours, and we have none.
    else if (head.status !== 100) this.events?.onInform(head)
  }

  /** The tunnel stands (RFC 9113, 8.5; RFC 8441, 5). */
  private begun(head: ResponseHead, endStream: boolean): void {
    const { events } = this
    this.events = undefined
    this.near = events?.onSwitch(this.switchHead(head), this)
    this.session.answered++
    if (this.near === undefined) this.session.abandonStream(this, CODE.cancel)
    else if (endStream) this.receiveEnd(undefined)
  }

  /** What HTTP/1.1 says where HTTP/2 says 200. */
  private switchHead(head: ResponseHead): ResponseHead {
    const { upgrade, websocketKey } = this
    if (upgrade === undefined) return head
    const { headers } = head
    headers.remove('content-length')
    if (websocketKey !== undefined && upgrade.toLowerCase() === 'websocket' && !headers.has('sec-websocket-accept')) {
      headers.add(
        'sec-websocket-accept',
        createHash('sha1')
          .update(websocketKey + WEBSOCKET_GUID)
          .digest('base64'),
      )
    }
    return { ...head, status: 101, reason: 'Switching Protocols', upgrade }
  }

  protected onData(chunk: Buffer): boolean {
    this.bytesSeen = true
    if (this.near !== undefined) return this.near.tunnelWrite(chunk)
    if (!this.headDone) {
      this.session.malformed(this, 'DATA before the head')
      return true
    }
    return this.events === undefined || this.events.onData(chunk)
  }

  protected onEnd(trailers: Headers | undefined): void {
    if (this.near !== undefined) {
      if (this.upgrade === undefined) this.near.tunnelEnd()
      else this.near.tunnelClose()
      return
    }
    if (!this.headDone) {
      this.remoteEnded = false
      this.session.malformed(this, 'an end before the head')
      return
    }
    const { events } = this
    this.events = undefined
    this.session.answered++
    // Answered before it had all of the body: the rest is not wanted.
    if (!this.localEnded) this.session.abandonStream(this, CODE.cancel)
    events?.onEnd(trailers)
  }

  onReset(code: number, detail: string): void {
    const { near, events } = this
    this.near = undefined
    this.events = undefined
    if (near !== undefined) {
      near.breakOff()
      return
    }
    const kind =
      code === CODE.refusedStream && !this.bytesSeen
        ? 'refused'
        : code === CODE.protocol || code === CODE.compression || code === CODE.frameSize || code === CODE.flowControl
          ? 'protocol-error'
          : 'reset'
    events?.onFailure(kind, `${detail} (${codeName(code)})`, this.bytesSeen)
  }

  protected onRoom(): void {
    if (this.near !== undefined) this.near.resume()
    else this.events?.onDrain()
  }

  protected onLocalEnd(): void {
    // The answer is still to come.
  }

  // ---- TunnelEnd: the near side's bytes

  data(chunk: Buffer): boolean {
    return this.sendData(chunk)
  }

  end(): void {
    this.nearEnded = true
    this.sendEnd(undefined)
  }

  closed(): void {
    this.near = undefined
    // What the near side sent before it ended may still be on its way.
    if (!this.nearEnded) this.session.abandonStream(this, CODE.cancel)
  }

  drained(): void {
    this.resumeReceiving()
  }
}
