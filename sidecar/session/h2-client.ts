import type { Socket } from 'node:net'
import { CODE, type ConnectionFault, FLAG, FRAME_HEADER_BYTES, readResponseHead, SETTING } from '../codec/h2/mod.ts'
import type { RequestHead } from '../http/mod.ts'
import type { Reads, Turn } from '../transport/mod.ts'
import { H2ClientStream } from './h2-client-stream.ts'
import { H2Connection } from './h2-connection.ts'
import type { H2Stream } from './h2-stream.ts'

/** Streams that we have on one connection, whatever its server allows: beyond, another connection is faster. */
const STREAMS_MAX = 512
/** A server that carries requests and says nothing for so long is asked whether it is there ... */
const QUIET_MS = 10_000
/** ... and has so long to answer. */
const PONG_MS = 5_000
/** The last id that is used: 2^31 - 1 is the last there is. */
const ID_MAX = 0x7fff_fff0

/** Who waits for the server's settings, and has sent nothing yet. */
interface Undecided {
  known(): void
  /** They will not come. */
  lost(detail: string): void
}

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
  private readonly undecided: Undecided[] = []

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
    this.out.goaway(0, CODE.none)
    this.finish(CODE.none, 'the connection was retired')
    this.socket.destroySoon()
  }

  /** Once a second: whether the server is still there. */
  tend(nowMs: number): void {
    if (this.byId.size + this.undecided.length > 0) this.guarded(() => this.probe(nowMs, QUIET_MS, PONG_MS))
  }

  // ---- for streams

  /** Sends a request's head, and makes the stream one of the connection's. */
  sendHead(stream: H2ClientStream, head: RequestHead, endStream: boolean): void {
    stream.id = this.nextId
    this.nextId += 2
    stream.sendWindow = this.peer.initialWindow
    this.byId.set(stream.id, stream)
    const { writer, heads } = this.out
    const bytesMax = heads.requestBytesMax(head)
    writer.reserve(FRAME_HEADER_BYTES + bytesMax)
    const { at } = writer
    const end = heads.request(head, writer.piece, at + FRAME_HEADER_BYTES, true)
    this.out.block(stream, bytesMax, endStream ? FLAG.endStream : 0, end, at)
    if (endStream) stream.endedWithHead()
  }

  get usable(): boolean {
    return !this.over && !this.goneAway && this.nextId < ID_MAX && this.socket.writable
  }

  /** Calls one of the two when the server's settings are known, or never will be. */
  whenDecided(undecided: Undecided): void {
    if (this.peer.known) undecided.known()
    else this.undecided.push(undecided)
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
    if (this.isIdle(id)) return this.fail(CODE.protocol, 'an answer to nothing')
    // Of ours, and over: it was on its way when we gave the stream up.
    return true
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
    for (const undecided of this.undecided.splice(0)) undecided.known()
    this.owner.streamEnded(this)
  }

  protected onPong(): void {
    // That it came is all.
  }

  protected onFault(_fault: ConnectionFault): void {
    // The streams hear of it, each with what it was.
    this.owner.streamsRefused(this)
  }

  /** Those that wait for settings are no streams yet. */
  protected override endStreams(code: number, detail: string): void {
    const undecided = this.undecided.splice(0)
    super.endStreams(code, detail)
    for (const { lost } of undecided) lost(detail)
  }

  protected onOver(): void {
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
