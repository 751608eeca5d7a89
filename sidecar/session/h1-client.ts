import type { Socket } from 'node:net'
import { latin1 } from '../../common/mod.ts'
import {
  BodyReader,
  CHUNK_END,
  chunkStart,
  HeadScanner,
  idleMsSaid,
  keepAliveOf,
  lastChunk,
  NEED_MORE,
  REFUSED,
  readResponseHead,
  requestHeadText,
} from '../codec/h1/mod.ts'
import type { Headers, RequestHead, ResponseHead, TunnelEnd, TunnelNear } from '../http/mod.ts'
import { breakOff, closeAfterWrites, type Reads, SocketWriter, type Turn } from '../transport/mod.ts'
import type { ClientCarriage, ClientEvents, ClientFailure } from './client.ts'
import { HeldBytes } from './held-bytes.ts'

/** Interim answers to one request; a server that sends more is not one that we understand. */
const INTERIM_ANSWERS_MAX = 8

/** What is read of an answer that nobody wants, to save its connection. More costs more than a new connection. */
const DISCARD_BYTES_MAX = 64 * 1024

/** Who keeps the session between requests. */
export interface ClientOwner {
  /** Free for the next request. */
  released(session: H1ClientSession): void
  closed(session: H1ClientSession): void
  broken(error: unknown): void
}

/** One HTTP/1.1 connection to an endpoint: one request at a time, used again when both sides allow it. */
export class H1ClientSession implements ClientCarriage {
  readonly socket: Socket
  /** Whether a request has been answered on it: a reset now may be the far side's idle limit (a keep-alive race). */
  reused = false
  /** Monotonic time at which it was last released, or its answer was last wanted. */
  idleSinceMs = 0
  /** How long the server keeps it when nothing comes, as its last answer said; milliseconds. */
  idleMsSaid: number | undefined = undefined
  /** Whether the rest of an answer is read that nobody wants. */
  discarding = false

  private readonly owner: ClientOwner
  private readonly turn: Turn
  private readonly writer: SocketWriter
  private readonly scanner = new HeadScanner()
  private readonly reader: BodyReader
  private events: ClientEvents | undefined = undefined
  private method = ''
  private chunked = false
  private requestDone = true
  private headDone = true
  private keepAlive = true
  private bytesSeen = false
  private informs = 0
  private saidKeepAlive = ''
  private readonly held = new HeldBytes()
  private retired = false
  /** The protocol that the request under way asks for. */
  private upgrade: string | undefined = undefined
  private tunnel: TunnelNear | undefined = undefined

  /** Without `reads`, the socket is read as a stream. */
  constructor(socket: Socket, owner: ClientOwner, turn: Turn, reads?: Reads) {
    this.socket = socket
    this.owner = owner
    this.turn = turn
    this.writer = new SocketWriter(socket, turn)
    this.reader = new BodyReader({ onBodyData: chunk => this.bodyData(chunk) })
    const take = (chunk: Buffer): void => {
      // As `guarded`, without a closure for each piece.
      turn.begin()
      try {
        this.onData(chunk)
      } catch (error) {
        this.broken(error)
      }
      turn.end()
    }
    if (reads === undefined) socket.on('data', take)
    else reads.take = take
    const guarded = (work: () => void): void => {
      turn.begin()
      try {
        work()
      } catch (error) {
        this.broken(error)
      }
      turn.end()
    }
    socket.on('drain', () =>
      guarded(() => {
        this.writer.drained()
        if (this.tunnel !== undefined) this.tunnel.resume()
        else this.events?.onDrain()
      }),
    )
    socket.on('end', () => guarded(() => this.onEnd()))
    socket.on('error', () => undefined)
    socket.on('close', () => guarded(() => this.onClose()))
  }

  private broken(error: unknown): void {
    this.socket.destroy()
    this.owner.broken(error)
  }

  get usable(): boolean {
    return this.events === undefined && !this.retired && this.socket.readable && this.socket.writable
  }

  get busy(): boolean {
    return this.events !== undefined
  }

  /** Sends a head. A body follows by `write` and `finish`. */
  send(head: RequestHead, events: ClientEvents): void {
    this.events = events
    this.method = head.method
    this.chunked = head.body.kind === 'chunked'
    this.requestDone = head.body.kind === 'none'
    this.headDone = false
    this.keepAlive = true
    this.bytesSeen = false
    this.informs = 0
    this.upgrade = head.upgrade
    this.writer.text(requestHeadText(head))
  }

  /** A piece of the request's body. `false`: wait for `onDrain`. */
  write(chunk: Buffer): boolean {
    if (!this.chunked) return this.writer.bytes(chunk)
    if (chunk.length === 0) return true
    this.writer.text(chunkStart(chunk.length))
    this.writer.bytes(chunk)
    return this.writer.text(CHUNK_END)
  }

  finish(trailers: Headers | undefined): void {
    if (this.requestDone) return
    // Only behind chunks is there a place for trailers.
    if (this.chunked) this.writer.text(lastChunk(trailers))
    this.requestDone = true
    this.releaseIfDone()
  }

  resume(): void {
    this.socket.resume()
  }

  /** The asker wants no more of this answer, but would like the connection kept: a short rest is read and thrown away. */
  discardAnswer(): void {
    if (!this.requestDone || this.retired) {
      this.abandon()
      return
    }
    this.discarding = true
    this.idleSinceMs = this.turn.nowMs()
    let left = DISCARD_BYTES_MAX
    const nothing = (): void => undefined
    this.events = {
      onInform: nothing,
      onHead: nothing,
      onSwitch: () => undefined,
      onData: chunk => {
        left -= chunk.length
        if (left < 0) this.socket.destroy()
        return true
      },
      onEnd: nothing,
      onFailure: nothing,
      onDrain: nothing,
    }
  }

  /** Itself, for the one request that it can carry now: also where it is the only one that it ever will. */
  carriage(): H1ClientSession | undefined {
    const { readable, writable } = this.socket
    const first = !this.reused && this.events === undefined && readable && writable
    return first || this.usable ? this : undefined
  }

  giveBack(): void {
    if (this.usable) this.owner.released(this)
    else this.abandon()
  }

  /** The asker has lost interest: what comes can't be used, and the connection neither. */
  abandon(): void {
    this.events = undefined
    this.socket.destroy()
  }

  /** For a session that has just been made: closed after its first request. */
  useOnce(): void {
    this.retired = true
  }

  /** Not for another request: closed at once when it is free, or nobody wants its answer; after the answer when somebody does. */
  retire(): void {
    this.retired = true
    // The rest of an unwanted answer is read to save the connection, which nobody needs any more; and whose endpoint has gone, no sweep looks after.
    if (this.discarding) this.abandon()
    else if (this.events === undefined && this.tunnel === undefined) this.socket.destroy()
  }

  private onData(chunk: Buffer): void {
    if (this.tunnel !== undefined) {
      if (!this.tunnel.tunnelWrite(chunk)) this.socket.pause()
      return
    }
    if (this.events === undefined) {
      // An answer to nothing. Whatever it is, it must not be taken for the next request's.
      this.socket.destroy()
      return
    }
    this.bytesSeen = true
    if (this.headDone) this.readBody(chunk, 0)
    else {
      this.held.give(chunk)
      this.readHead()
      // Read buffers are used again: what stays is a copy.
      this.held.settle()
    }
  }

  /** What is held begins with the first byte of a head. */
  private readHead(): void {
    const { held } = this
    const { bytes, from } = held
    const after = this.scanner.scan(bytes, from)
    if (after === NEED_MORE) return
    if (after === REFUSED) {
      held.clear()
      this.fail('protocol-error', this.scanner.problem.detail)
      return
    }
    const text = latin1(bytes, from, after)
    const read = readResponseHead(this.scanner, text, this.method)
    this.hearKeepAlive(keepAliveOf(this.scanner, text))
    this.scanner.reset()
    held.from = after
    if (!read.ok) {
      held.clear()
      this.fail('protocol-error', read.error.detail)
      return
    }
    const head = read.value
    if (head.status < 200) {
      this.interim(head)
      return
    }
    this.headDone = true
    // The connection may serve its next request before this returns.
    held.clear()
    this.keepAlive = head.keepAlive
    this.reader.begin(head.body)
    this.events?.onHead(head)
    if (after < bytes.length || this.reader.done) this.readBody(bytes, after)
  }

  /** Nearly always it is what the answer before said. */
  private hearKeepAlive(said: string): void {
    if (said === this.saidKeepAlive || said === '') return
    this.saidKeepAlive = said
    this.idleMsSaid = idleMsSaid(said)
  }

  private interim(head: ResponseHead): void {
    if (head.status === 101) {
      this.switched(head)
      return
    }
    if (++this.informs > INTERIM_ANSWERS_MAX) {
      this.fail('protocol-error', 'too many interim answers')
      return
    }
    // 100 answers our own Expect, which we don't send; it tells the caller nothing.
    if (head.status !== 100) this.events?.onInform(head)
    if (this.held.length > 0) this.readHead()
  }

  /** A tunnel begins: only here, and only into what was asked for. */
  private switched(head: ResponseHead): void {
    const { events, held } = this
    const { bytes, from } = held
    held.clear()
    if (events === undefined) return
    if (this.upgrade === undefined || head.upgrade?.toLowerCase() !== this.upgrade.toLowerCase()) {
      this.fail('protocol-error', 'a switch of protocols that nobody asked for')
      return
    }
    this.events = undefined
    this.retired = true
    this.tunnel = events.onSwitch(head, this.farEnd())
    if (this.tunnel === undefined) this.socket.destroy()
    else if (from < bytes.length && !this.tunnel.tunnelWrite(bytes.subarray(from))) this.socket.pause()
  }

  /** This connection, as the far end of a tunnel. */
  private farEnd(): TunnelEnd {
    let nearEnded = false
    return {
      data: chunk => this.writer.bytes(chunk),
      end: () => {
        nearEnded = true
        this.writer.flush()
        this.socket.end()
      },
      closed: () => {
        this.tunnel = undefined
        if (nearEnded) closeAfterWrites(this.socket)
        else breakOff(this.socket)
      },
      drained: () => this.socket.resume(),
    }
  }

  private readBody(bytes: Buffer, from: number): void {
    const after = this.reader.done ? from : this.reader.read(bytes, from)
    if (after === -1) {
      this.fail('protocol-error', this.reader.problem?.detail ?? 'a malformed body')
      return
    }
    if (!this.reader.done || this.events === undefined) return
    // More than the answer: never to be taken for the next one's.
    if (after < bytes.length) this.keepAlive = false
    this.answered()
  }

  private bodyData(chunk: Buffer): void {
    if (this.events !== undefined && !this.events.onData(chunk)) this.socket.pause()
  }

  private answered(): void {
    const { events } = this
    if (events === undefined) return
    // Before the connection serves its next request.
    const trailers = this.reader.takeTrailers()
    this.reused = true
    if (!this.requestDone) {
      // Answered before it had all of the body: the rest would be read as a request.
      this.events = undefined
      this.socket.destroy()
    } else this.release()
    events.onEnd(trailers)
  }

  private releaseIfDone(): void {
    if (this.events !== undefined && this.headDone && this.reader.done) this.answered()
  }

  private release(): void {
    this.events = undefined
    this.discarding = false
    this.socket.resume()
    if (this.keepAlive && !this.retired && this.socket.writable) this.owner.released(this)
    else this.socket.destroy()
  }

  private fail(kind: ClientFailure, detail: string): void {
    const { events } = this
    this.events = undefined
    this.socket.destroy()
    events?.onFailure(kind, detail, this.bytesSeen)
  }

  private onEnd(): void {
    if (this.tunnel !== undefined) {
      const near = this.tunnel
      this.tunnel = undefined
      near.tunnelClose()
      this.writer.flush()
      closeAfterWrites(this.socket)
      return
    }
    if (this.events !== undefined && this.headDone && !this.reader.done && this.reader.connectionEnded()) {
      this.keepAlive = false
      this.answered()
      return
    }
    this.fail('reset', 'the endpoint closed the connection')
  }

  private onClose(): void {
    try {
      if (this.tunnel !== undefined) this.tunnel.breakOff()
      else this.fail('reset', 'the connection was reset')
    } finally {
      // Whatever becomes of the exchange, the connection is counted out.
      this.owner.closed(this)
    }
  }
}
