import type { Socket } from 'node:net'
import { assert, type Cause, latin1 } from '../../common/mod.ts'
import {
  type AnswerFraming,
  answerFraming,
  BodyReader,
  CHUNK_END,
  chunkStart,
  type H1Problem,
  HeadScanner,
  lastChunk,
  NEED_MORE,
  problem,
  REFUSED,
  readRequestHead,
  responseHeadText,
  switchHeadText,
} from '../codec/h1/mod.ts'
import {
  type AnswerSink,
  type BodySink,
  type Caller,
  Exchange,
  type Headers,
  KeptBytes,
  type RequestBody,
  type RequestHead,
  type ResponseHead,
  type TunnelEnd,
  type TunnelNear,
} from '../http/mod.ts'
import { breakOff, LINGER_MS, type Reads, SocketWriter } from '../transport/mod.ts'
import { HeldBytes } from './held-bytes.ts'
import { lastWords, REASONS } from './last-words.ts'
import { OpaqueServerSession } from './opaque-server.ts'
import type { Bound, CallerSocket, ServerHost } from './server-host.ts'
import type { ServerPhase, ServerSession } from './server-session.ts'
import { guarded, ownSocket } from './socket-events.ts'

/** Pipelined bytes that wait for the answer before them; with more the caller isn't read until then. */
const HELD_BYTES_MAX = 64 * 1024
/** RFC 9110, 9.3.6: behind it, bytes are not HTTP's any more. */
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

type ServerState =
  | { readonly kind: 'head' }
  | { readonly kind: 'exchange'; readonly x: Exchange }
  /** The timer runs once all that was written has left. */
  | { readonly kind: 'lingering'; timer: NodeJS.Timeout | undefined }
  | { readonly kind: 'closed' }

const HEAD: ServerState = { kind: 'head' }
const CLOSED: ServerState = { kind: 'closed' }

/**
 * One caller's HTTP/1.1 connection: requests in order, one exchange at a time, pipelined bytes held within a bound.
 * It is its exchanges' answer sink and request body, so that a request allocates neither; and one state machine in one piece, because
 * what a byte, an answer, a pause or an end means depends on what all the others have come to.
 */
export class H1ServerSession implements ServerSession, AnswerSink, RequestBody {
  readonly socket: Socket
  readonly caller: Caller
  readonly port: number
  /** What requests without an authority of their own mean: the target of a CONNECT around them. */
  authority: string | undefined = undefined
  /** Monotonic time of the last byte, of the first byte of an unfinished head; for the sweep. */
  lastActiveMs: number

  private readonly host: ServerHost
  private readonly writer: SocketWriter
  private readonly scanner = new HeadScanner()
  private readonly reader: BodyReader
  private state: ServerState = HEAD
  private readonly held = new HeldBytes()
  private requestDone = true
  private answerDone = true
  private keepAlive = true
  private framing: AnswerFraming = 'as-is'
  private bodySink: BodySink | undefined = undefined
  private early: KeptBytes | undefined = undefined
  private discarding = false
  private readonly reads: Reads | undefined
  /** Takes the socket's events away again. */
  private readonly release: () => void

  /** Without `reads`, the socket is read as a stream. */
  constructor(socket: Socket, caller: Caller, port: number, host: ServerHost, reads?: Reads) {
    this.socket = socket
    this.caller = caller
    this.port = port
    this.host = host
    this.writer = new SocketWriter(socket, host.turn)
    this.reader = new BodyReader({ onBodyData: chunk => this.bodyData(chunk) })
    this.lastActiveMs = host.turn.nowMs()
    this.reads = reads
    host.opened(this)
    this.release = ownSocket(socket, reads, host.turn, this)
  }

  get phase(): ServerPhase {
    switch (this.state.kind) {
      case 'head':
        return this.held.length === 0 && !this.scanner.begun ? 'idle' : 'head'
      case 'exchange':
        return this.requestDone ? 'answer' : 'body'
      default:
        return 'closing'
    }
  }

  get exchanges(): number {
    return this.state.kind === 'exchange' ? 1 : 0
  }

  /** A caller between requests is closed at once; one in an exchange after its answer. */
  closeWhenIdle(): void {
    this.keepAlive = false
    if (this.phase === 'idle') this.linger()
  }

  /** Ends the connection at once. An answer that is under way never looks whole. */
  destroy(): void {
    // Where the end of the connection is the end of the body, an orderly end would make a broken body look whole.
    if (this.framing === 'until-close' && (!this.answerDone || this.socket.writableLength > 0)) this.breakOff()
    else this.socket.destroy()
  }

  /** Whether some of what was written is still here. */
  get unsent(): boolean {
    return this.socket.writableLength > 0
  }

  /** Whether nothing comes from the caller because we don't read. */
  get paused(): boolean {
    return this.socket.isPaused()
  }

  /** Ends the connection so that nobody takes it for an orderly end. */
  breakOff(): void {
    breakOff(this.socket)
  }

  /** Bytes that came before the session took the socket over. */
  feed(chunk: Buffer): void {
    this.guarded(() => this.onData(chunk))
  }

  onBroken(error: unknown): void {
    this.destroy()
    this.host.broken(error)
  }

  private guarded(work: () => void): void {
    guarded(this.host.turn, this, work)
  }

  // ---- bytes in

  onData(chunk: Buffer): void {
    switch (this.state.kind) {
      case 'head':
        this.readGiven(chunk)
        return
      case 'exchange':
        if (!this.requestDone) this.readBody(chunk)
        else if (this.state.x.request.method !== 'CONNECT') this.hold(chunk, 0)
        else this.refuse(problem(400, 'bytes before the answer to a CONNECT'))
        return
      default:
        return
    }
  }

  /** Keeps what belongs to requests to come, from `start` on. */
  private hold(chunk: Buffer, start: number): void {
    this.held.append(chunk, start)
    this.pauseWhenFull()
  }

  private pauseWhenFull(): void {
    if (this.held.length > HELD_BYTES_MAX) this.socket.pause()
  }

  private readGiven(chunk: Buffer): void {
    const { held } = this
    const fresh = held.length === 0
    held.give(chunk)
    this.readHead(fresh)
    // Read buffers are used again: what stays is a copy.
    held.settle()
  }

  /** What is held begins with the first byte of a head. `fresh`: that byte has just come, or has just got its turn. */
  private readHead(fresh: boolean): void {
    const { held, scanner } = this
    const { bytes, from } = held
    const after = scanner.scan(bytes, from)
    if (after === NEED_MORE) {
      if (fresh) this.lastActiveMs = this.host.turn.nowMs()
      return
    }
    if (after === REFUSED) {
      this.refuse(scanner.problem)
      return
    }
    const head = readRequestHead(scanner, latin1(bytes, from, after))
    scanner.reset()
    held.from = after
    if (!head.ok) this.refuse(head.error)
    else this.beginExchange(head.value)
  }

  private beginExchange(head: RequestHead): void {
    const now = this.host.turn.nowMs()
    this.lastActiveMs = now
    this.keepAlive = head.keepAlive
    this.answerDone = false
    this.framing = 'as-is'
    this.bodySink = undefined
    this.early = undefined
    this.discarding = false
    this.reader.begin(head.body)
    this.requestDone = this.reader.done
    if (this.authority !== undefined && head.authority === '') {
      head.authority = this.authority
      head.headers.set('host', this.authority)
    }
    const x = new Exchange(head, this, this, this.caller, this.port, now)
    this.state = { kind: 'exchange', x }
    if (head.method === 'CONNECT') {
      if (this.held.length > 0) {
        this.refuse(problem(400, 'bytes before the answer to a CONNECT'))
        return
      }
      this.requestDone = true
      this.host.connect(x, this)
      return
    }
    if (this.requestDone) this.pauseWhenFull()
    this.host.begin(x)
    if (this.held.length > 0 && !this.requestDone) this.readHeldBody()
  }

  private readBody(chunk: Buffer): void {
    const after = this.reader.read(chunk, 0)
    if (after === -1) {
      this.bodyBroken(this.reader.problem ?? problem(400, 'a malformed body'))
      return
    }
    this.lastActiveMs = this.host.turn.nowMs()
    if (!this.reader.done || this.state.kind !== 'exchange') return
    this.hold(chunk, after)
    this.bodyEnd()
  }

  /** The beginning of a body that came with its head. */
  private readHeldBody(): void {
    const { held } = this
    if (this.state.kind !== 'exchange') return
    const after = this.reader.read(held.bytes, held.from)
    if (after === -1) {
      this.bodyBroken(this.reader.problem ?? problem(400, 'a malformed body'))
      return
    }
    held.from = after
    if (this.reader.done && this.state.kind === 'exchange') this.bodyEnd()
  }

  private bodyData(chunk: Buffer): void {
    if (this.state.kind !== 'exchange' || this.discarding) return
    this.state.x.requestBytes += chunk.length
    if (this.bodySink === undefined) {
      this.early ??= new KeptBytes()
      this.early.add(chunk)
      this.socket.pause()
    } else if (!this.bodySink.data(chunk)) this.socket.pause()
  }

  private bodyEnd(): void {
    this.requestDone = true
    this.resume()
    if (this.bodySink !== undefined && !this.discarding) this.bodySink.end(this.reader.takeTrailers())
    this.afterBoth()
  }

  private bodyBroken(why: H1Problem): void {
    this.bodySink?.reset()
    this.refuse(why)
  }

  // ---- RequestBody

  attach(sink: BodySink): void {
    this.bodySink = sink
    const { early } = this
    this.early = undefined
    if (
      this.state.kind === 'exchange' &&
      this.state.x.request.expectContinue &&
      !this.requestDone &&
      early === undefined
    ) {
      this.writer.text('HTTP/1.1 100 Continue\r\n\r\n')
    }
    let open = true
    if (early !== undefined) for (const chunk of early.chunks) open = sink.data(chunk) && open
    if (this.requestDone) sink.end(this.reader.takeTrailers())
    else if (open) this.resume()
  }

  resume(): void {
    // Our own pause is no silence of the caller's.
    this.lastActiveMs = this.host.turn.nowMs()
    // A caller who sent too far ahead is read again when it's that request's turn.
    if (this.held.length <= HELD_BYTES_MAX) this.socket.resume()
  }

  discard(): void {
    this.discarding = true
    this.early = undefined
    this.resume()
  }

  // ---- AnswerSink

  inform(head: ResponseHead): void {
    if (this.state.kind !== 'exchange' || this.state.x.request.minorVersion === 0) return
    this.writer.text(responseHeadText(head, 'as-is', 'default'))
  }

  head(head: ResponseHead): void {
    if (this.state.kind !== 'exchange') return
    const { request } = this.state.x
    this.framing = answerFraming(head, request.minorVersion, request.method)
    // Not behind a body that was answered before it was whole: what still comes of it can't be told from a request.
    if (this.framing === 'until-close' || this.host.draining() || !this.requestDone) this.keepAlive = false
    const connection = !this.keepAlive ? 'close' : request.minorVersion === 0 ? 'keep-alive' : 'default'
    this.writer.text(responseHeadText(head, this.framing, connection))
  }

  data(chunk: Buffer): boolean {
    const { writer } = this
    if (this.framing !== 'chunked') return writer.bytes(chunk)
    if (chunk.length === 0) return true
    writer.text(chunkStart(chunk.length))
    writer.bytes(chunk)
    return writer.text(CHUNK_END)
  }

  end(trailers: Headers | undefined): void {
    if (this.framing === 'chunked') this.writer.text(lastChunk(trailers))
    this.answerDone = true
    this.afterBoth()
  }

  reset(): void {
    this.state = CLOSED
    this.writer.flush()
    this.destroy()
  }

  // ---- between exchanges

  /** The exchange is over when both its halves are. */
  private afterBoth(): void {
    if (!this.answerDone || this.state.kind !== 'exchange') return
    if (!this.requestDone) {
      this.discarding = true
      this.linger()
    } else if (!this.keepAlive) this.linger()
    else {
      this.state = HEAD
      this.bodySink = undefined
      if (this.held.length > 0) queueMicrotask(() => this.guarded(() => this.goOn()))
    }
  }

  private goOn(): void {
    if (this.state.kind !== 'head') return
    this.socket.resume()
    this.readHead(true)
    this.held.settle()
  }

  /** The caller has been silent for too long in the middle of something. What it can still be told, it is told. */
  timedOut(): void {
    switch (this.phase) {
      case 'head':
        this.guarded(() => this.refuse(problem(408, 'the head did not come in time')))
        return
      case 'body':
        if (this.paused) break
        this.guarded(() => this.bodyBroken(problem(408, 'the body did not come in time')))
        return
      case 'answer':
        this.host.refused(this, problem(408, 'the answer was not read in time'))
        break
    }
    this.destroy()
  }

  /** Answers what can't be served, and closes. */
  private refuse(why: H1Problem): void {
    this.host.refused(this, why)
    const before = this.state
    if (before.kind === 'exchange' && before.x.progress === 'answering') {
      this.reset()
      before.x.callerGone()
      return
    }
    if (before.kind === 'exchange') {
      before.x.status = why.status
      before.x.facts.cause = causeOf(why)
    }
    const cause = causeOf(why)
    if (why.unanswered) this.linger()
    else this.say(why.status, REASONS[why.status], cause, `selvedge: ${cause}: ${why.detail}\n`)
    if (before.kind === 'exchange') before.x.callerGone()
  }

  /** A last answer, outside any exchange. */
  private say(status: number, reason: string, cause: Cause, text: string): void {
    this.writer.text(lastWords(status, reason, cause, text))
    this.linger()
  }

  private linger(): void {
    if (this.state.kind === 'closed' || this.state.kind === 'lingering') return
    this.writer.flush()
    const lingering: ServerState = { kind: 'lingering', timer: undefined }
    this.state = lingering
    this.held.clear()
    this.lastActiveMs = this.host.turn.nowMs()
    // The time runs from when all has left: a slow reader gets the whole of its answer.
    this.socket.end(() => {
      if (this.state === lingering) lingering.timer = setTimeout(() => this.socket.destroy(), LINGER_MS)
    })
    this.socket.resume()
  }

  // ---- when the connection becomes something else

  switchProtocols(head: ResponseHead, far: TunnelEnd): TunnelNear {
    const { state, held } = this
    assert(state.kind === 'exchange', 'what was asked for is what is switched')
    this.writer.text(head.status === 101 ? switchHeadText(head) : ESTABLISHED)
    const tunnel = new OpaqueServerSession(this.leave(undefined), this.host)
    // What the caller sent ahead is for the far end now.
    tunnel.takeTunnel(state.x, far, held.bytes.subarray(held.from))
    held.clear()
    return tunnel
  }

  /** After a CONNECT: what follows on this connection is told by its first bytes. */
  handOver(bound: Bound): void {
    this.writer.text(ESTABLISHED)
    this.host.accept(this.leave(bound))
  }

  /** Lets go of the socket, for who is to have it. */
  private leave(bound: Bound | undefined): CallerSocket {
    const { socket, caller, port, reads } = this
    this.writer.flush()
    this.release()
    this.state = CLOSED
    return { socket, caller, port, reads, bound }
  }

  /** A CONNECT where none is served. */
  refuseConnect(): void {
    this.refuse(problem(405, 'CONNECT is not served here'))
  }

  // ---- the socket's other events

  onDrain(): void {
    this.writer.drained()
    this.lastActiveMs = this.host.turn.nowMs()
    if (this.state.kind === 'exchange') this.state.x.carrier?.drained()
  }

  onEnd(): void {
    switch (this.state.kind) {
      case 'head':
        this.linger()
        return
      case 'exchange':
        // Nearly all who end their half have closed the connection, and what is done for them is done for nobody; the few who wait
        // for an answer can't be told from them (nginx, Envoy and Node decide alike).
        this.bodySink?.reset()
        this.bodySink = undefined
        this.destroy()
        return
      default:
        this.socket.end()
    }
  }

  onClose(): void {
    const before = this.state
    this.state = CLOSED
    this.held.clear()
    try {
      if (before.kind === 'lingering') clearTimeout(before.timer)
      else if (before.kind === 'exchange') {
        if (!this.requestDone) this.bodySink?.reset()
        before.x.callerGone()
      }
    } finally {
      // Whatever becomes of the exchange, the connection is counted out.
      this.host.closed(this)
    }
  }
}

/** The cause that a caller, the metrics and the log are told. */
export function causeOf(why: H1Problem): Extract<Cause, 'bad-request' | 'request-timeout'> {
  return why.status === 408 ? 'request-timeout' : 'bad-request'
}
