import type { Socket } from 'node:net'
import { HEAD_BYTES_MAX, HEAD_FIELDS_MAX } from '../../common/mod.ts'
import {
  CODE,
  type ConnectionFault,
  classify,
  codeName,
  FLAG,
  FRAME,
  type FrameHandler,
  FrameReader,
  HeadFields,
  HpackDecoder,
  readUint32,
  SETTING,
  TABLE_BYTES_DEFAULT,
  WINDOW_DEFAULT,
  WINDOW_MAX,
} from '../codec/h2/mod.ts'
import { cleanTrailers, type Headers } from '../http/mod.ts'
import type { Pieces, Reads, Turn } from '../transport/mod.ts'
import { FrameBudget } from './frame-budget.ts'
import { H2Output } from './h2-output.ts'
import { type H2Stream, STREAM_WINDOW } from './h2-stream.ts'
import { HeadBlock } from './head-block.ts'
import { PeerSettings, takeSetting } from './peer-settings.ts'

/** What all streams of a connection may have sent us that is still on its way here; what has come is given back at once. */
const CONNECTION_WINDOW = 4 * 1024 * 1024
/** RFC 9113, 6.5.2 counts 32 bytes more for each field. */
const HEAD_LIST_BYTES_MAX = HEAD_BYTES_MAX + HEAD_FIELDS_MAX * 32
/** How long a peer has to take our last words, or to close when it has taken them, before the connection is destroyed. */
const LAST_WORDS_MS = 1_000
/** Who is at no fault has as long for the answers that it asked for. */
const UNREAD_MS = 60_000
/**
 * What may wait to be written besides DATA, which is bounded by itself: heads without bodies, answers to PING. A peer that asks for more and
 * reads nothing makes us keep it; one that reads has never so much to come, as each stream waits for its answer.
 */
const UNREAD_BYTES_MAX = 8 * 1024 * 1024
/** Streams whose end was ours: what the peer sent before it heard of it is no fault. */
const REMEMBERED_RESETS_MAX = 1_024
/** Who gives back less of a window at a time makes more work than it needs. */
const WINDOW_STEP = 4_096
/** Who gives a request up sooner never wanted its answer. */
const RAPID_MS = 100

/**
 * One connection of HTTP/2, whichever end we are (RFC 9113): frames, settings, flow control and what ends a connection. Streams are its own; what they mean,
 * the two kinds of session know. One state machine in one piece: nearly every frame's meaning depends on what the others have come to.
 */
export abstract class H2Connection implements FrameHandler {
  readonly socket: Socket
  readonly out: H2Output
  readonly peer = new PeerSettings()
  /** Monotonic time of the last byte that came. */
  heardMs: number
  protected readonly turn: Turn
  protected readonly fields = new HeadFields()
  protected readonly byId = new Map<number, H2Stream>()
  protected over = false
  private readonly server: boolean
  private readonly reader: FrameReader
  private readonly decoder = new HpackDecoder(TABLE_BYTES_DEFAULT, classify)
  private readonly budget: FrameBudget
  /** Streams with bytes that wait, in the order in which they get their turn. */
  private readonly blocked = new Set<H2Stream>()
  private readonly resets = new Set<number>()
  private receiveWindow = CONNECTION_WINDOW
  private taken = 0
  /** The header block that is being gathered. */
  private gathering: HeadBlock | undefined = undefined
  private pingSentMs: number | undefined = undefined
  /** The stream whose DATA is coming, and whether it ends with it. */
  private receiving: H2Stream | undefined = undefined
  private receivingEnd = false

  constructor(socket: Socket, turn: Turn, server: boolean, reads: Reads | undefined) {
    this.socket = socket
    this.turn = turn
    this.server = server
    this.reader = new FrameReader(server)
    this.heardMs = turn.nowMs()
    this.budget = new FrameBudget(this.heardMs)
    this.out = new H2Output(socket, turn, () => this.guarded(() => this.pump()))
    const take = (chunk: Buffer): void => {
      // As `guarded`, without a closure for each piece.
      turn.begin()
      try {
        this.take(chunk)
      } catch (error) {
        this.collapse(error)
      }
      turn.end()
    }
    if (reads === undefined) socket.on('data', take)
    else reads.take = take
    socket.on('end', () => this.guarded(() => this.onEnd()))
    socket.on('error', () => undefined)
    socket.on('close', () => this.guarded(() => this.onSocketClose()))
  }

  // ---- what the two kinds of session do

  /** The head of a stream that is not there yet, or is at an end. `fields` hold it. False: the connection has ended. */
  protected abstract onNewStream(id: number, endStream: boolean): boolean
  /** The block of a head was too large to be handed over. */
  protected abstract onHeadTooLarge(id: number, stream: H2Stream | undefined): void
  /** The highest id that the peer may have used. */
  protected abstract isIdle(id: number): boolean
  protected abstract onGoaway(lastStream: number, code: number): void
  protected abstract onSettings(): void
  protected abstract onPong(): void
  /** Counted and logged, by whoever keeps the session. */
  protected abstract onFault(fault: ConnectionFault): void
  protected abstract onOver(): void
  protected abstract onBroken(error: unknown): void
  /** A stream has ended. */
  protected abstract streamOver(stream: H2Stream): void

  get pieces(): Pieces {
    return this.turn.pieces
  }

  nowMs(): number {
    return this.turn.nowMs()
  }

  get streams(): number {
    return this.byId.size
  }

  /** What was gathered, as trailers. `undefined`: it is none. What belongs to a head is left out (RFC 9110, 6.5.1). */
  takeTrailers(): Headers | undefined {
    const { fields } = this
    const pseudo = fields.status !== '' || fields.method !== '' || fields.scheme !== '' || fields.protocol !== undefined
    if (fields.malformed !== '' || pseudo || fields.path !== undefined || fields.authority !== undefined)
      return undefined
    return cleanTrailers(fields.headers())
  }

  /** Sends the preface that is ours: SETTINGS, and the window of the connection. */
  protected begin(client: boolean, settings: readonly (readonly [id: number, value: number])[]): void {
    if (client) this.out.preface()
    this.out.settings(settings)
    this.out.windowUpdate(0, CONNECTION_WINDOW - WINDOW_DEFAULT)
  }

  /** Settings that both kinds of session send. */
  protected commonSettings(): [id: number, value: number][] {
    return [
      [SETTING.initialWindowSize, STREAM_WINDOW],
      [SETTING.maxHeaderListSize, HEAD_LIST_BYTES_MAX],
    ]
  }

  protected guarded(work: () => void): void {
    this.turn.begin()
    try {
      work()
    } catch (error) {
      this.collapse(error)
    }
    this.turn.end()
  }

  /** Something of ours has thrown: this connection is lost, and no other. */
  private collapse(error: unknown): void {
    this.socket.destroy()
    this.onBroken(error)
  }

  // ---- bytes in

  protected take(chunk: Buffer): void {
    if (this.over) return
    this.heardMs = this.turn.nowMs()
    const fault = this.reader.read(chunk, this)
    if (fault !== undefined) this.fail(fault.code, fault.detail)
    else if (this.out.writer.pending > UNREAD_BYTES_MAX)
      this.fail(CODE.enhanceYourCalm, 'a flood whose answers are not read')
    else if (this.taken >= CONNECTION_WINDOW / 2 && !this.over) {
      this.out.windowUpdate(0, this.taken)
      this.receiveWindow += this.taken
      this.taken = 0
    }
  }

  /** Whether a frame, or a header block, has begun and isn't whole. */
  protected get midFrame(): boolean {
    return this.reader.midFrame || this.gathering !== undefined
  }

  frame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): boolean {
    if (!this.peer.known && type !== FRAME.settings) return this.fail(CODE.protocol, 'a frame before SETTINGS')
    if (this.gathering !== undefined && type !== FRAME.continuation) {
      return this.fail(CODE.protocol, 'a frame within a header block')
    }
    switch (type) {
      case FRAME.data:
        return this.paddedFrame(flags, id, bytes, from, to)
      case FRAME.headers:
        return this.headersFrame(flags, id, bytes, from, to)
      case FRAME.windowUpdate:
        return this.windowUpdateFrame(id, bytes, from, to)
      case FRAME.rstStream:
        return this.resetFrame(id, bytes, from, to)
      case FRAME.continuation:
        return this.continuationFrame(flags, id, bytes, from, to)
      case FRAME.settings:
        return this.settingsFrame(flags, id, bytes, from, to)
      case FRAME.ping:
        return this.pingFrame(flags, id, bytes, from, to)
      case FRAME.goaway:
        if (id !== 0) return this.fail(CODE.protocol, 'GOAWAY on a stream')
        if (to - from < 8) return this.fail(CODE.frameSize, 'a GOAWAY that is too short')
        this.onGoaway(readUint32(bytes, from) & WINDOW_MAX, readUint32(bytes, from + 4))
        return !this.over && this.spend('GOAWAY')
      case FRAME.priority:
        return this.priorityFrame(id, bytes, from, to)
      case FRAME.pushPromise:
        return this.fail(CODE.protocol, 'a push that nobody asked for')
      default:
        // RFC 9113, 5.5: what we don't know is ignored; what comes of it in masses isn't.
        return this.spend('unknown frames')
    }
  }

  /** False, and the connection ended: the peer sends too much of what leads to nothing. */
  private spend(what: string): boolean {
    if (this.budget.spend(this.turn.nowMs(), this.out.dataFrames)) return true
    return this.fail(CODE.enhanceYourCalm, `a flood of ${what}`)
  }

  /** As `spend`, for what honest peers send with much of what they do. */
  private spendLittle(what: string): boolean {
    if (this.over) return false
    if (this.budget.spendLittle(this.turn.nowMs(), this.out.dataFrames)) return true
    return this.fail(CODE.enhanceYourCalm, `a flood of ${what}`)
  }

  /** DATA with padding, which comes whole. */
  private paddedFrame(flags: number, id: number, bytes: Buffer, from: number, to: number): boolean {
    const length = to - from
    const padding = length > 0 ? bytes[from]! : 0
    if (padding >= length) return this.fail(CODE.protocol, 'more padding than payload')
    return this.data(flags, id, length) && this.dataPiece(bytes, from + 1, to - padding, true)
  }

  data(flags: number, id: number, length: number): boolean {
    if (!this.peer.known) return this.fail(CODE.protocol, 'a frame before SETTINGS')
    if (this.gathering !== undefined) return this.fail(CODE.protocol, 'a frame within a header block')
    if (id === 0) return this.fail(CODE.protocol, 'DATA on stream 0')
    this.receiving = undefined
    this.receivingEnd = false
    this.receiveWindow -= length
    if (this.receiveWindow < 0) return this.fail(CODE.flowControl, 'more DATA than the window of the connection')
    this.taken += length
    const endStream = (flags & FLAG.endStream) !== 0
    const stream = this.byId.get(id)
    if (stream === undefined) return this.dataNowhere(id)
    if (stream.remoteEnded) {
      this.resetStream(stream, CODE.streamClosed, 'DATA behind the end')
      return this.spendReset()
    }
    if (length === 0 && !endStream && !this.spend('empty DATA')) return false
    if (!stream.admit(length)) {
      this.resetStream(stream, CODE.flowControl, 'more DATA than the window of the stream')
      return this.spendReset()
    }
    this.receiving = stream
    this.receivingEnd = endStream
    return true
  }

  dataPiece(bytes: Buffer, from: number, to: number, last: boolean): boolean {
    const { receiving } = this
    // It was reset, before or meanwhile.
    if (receiving === undefined || receiving.over) return !this.over
    if (to > from) receiving.receive(bytes, from, to)
    if (!last) return !this.over
    if (to > from) this.budget.earn()
    if (this.receivingEnd && !receiving.over) receiving.receiveEnd(undefined)
    return !this.over
  }

  private dataNowhere(id: number): boolean {
    if (this.isIdle(id)) return this.fail(CODE.protocol, 'DATA on an idle stream')
    // It was on its way when we ended the stream: as much as its window let through.
    if (this.resets.has(id)) return this.spendLittle('DATA behind a reset')
    this.writeReset(id, CODE.streamClosed)
    return this.spendReset()
  }

  private headersFrame(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (id === 0) return this.fail(CODE.protocol, 'HEADERS on stream 0')
    let from = start
    let to = end
    if ((flags & FLAG.padded) !== 0) {
      const padding = end > start ? bytes[from]! : 0
      from++
      to -= padding
      if (to < from) return this.fail(CODE.protocol, 'more padding than payload')
    }
    let dependsOnItself = false
    if ((flags & FLAG.priority) !== 0) {
      if (to - from < 5) return this.fail(CODE.frameSize, 'HEADERS that are too short')
      dependsOnItself = (readUint32(bytes, from) & WINDOW_MAX) === id
      from += 5
    }
    if (dependsOnItself) {
      // RFC 7540, 5.3.1. Its table is lost with the block, and the connection with it.
      return this.fail(CODE.protocol, 'a stream that depends on itself')
    }
    const endStream = (flags & FLAG.endStream) !== 0
    if ((flags & FLAG.endHeaders) !== 0) return this.headBlock(id, endStream, bytes, from, to)
    this.gathering = new HeadBlock(id, endStream)
    return this.gather(this.gathering, bytes, from, to)
  }

  private continuationFrame(flags: number, id: number, bytes: Buffer, from: number, to: number): boolean {
    const { gathering } = this
    if (gathering?.stream !== id) return this.fail(CODE.protocol, 'a CONTINUATION of nothing')
    if (!this.gather(gathering, bytes, from, to)) return false
    if ((flags & FLAG.endHeaders) === 0) return true
    const whole = gathering.whole()
    this.gathering = undefined
    return this.headBlock(id, gathering.endStream, whole, 0, whole.length)
  }

  private gather(block: HeadBlock, bytes: Buffer, from: number, to: number): boolean {
    return block.add(bytes, from, to) || this.fail(CODE.enhanceYourCalm, 'a flood of CONTINUATION')
  }

  /** A whole header block. It is decoded whatever becomes of it: the table is the connection's. */
  private headBlock(id: number, endStream: boolean, bytes: Buffer, from: number, to: number): boolean {
    const { fields } = this
    fields.begin()
    const fault = this.decoder.decode(bytes, from, to, fields, HEAD_LIST_BYTES_MAX)
    const stream = this.byId.get(id)
    if (fault !== undefined) {
      if (fault.kind === 'compression-error') return this.fail(CODE.compression, fault.detail)
      if (fault.kind === 'bomb') return this.fail(CODE.enhanceYourCalm, fault.detail)
      if (stream === undefined && this.resets.has(id)) return this.spendLittle('HEADERS behind a reset')
      this.onHeadTooLarge(id, stream)
      return !this.over && this.spendReset()
    }
    this.budget.earn()
    if (stream === undefined) {
      if (this.resets.has(id)) return this.spendLittle('HEADERS behind a reset')
      return this.onNewStream(id, endStream)
    }
    if (stream.remoteEnded) {
      this.resetStream(stream, CODE.streamClosed, 'HEADERS behind the end')
      return this.spendReset()
    }
    stream.onLaterHead(endStream)
    return !this.over
  }

  private windowUpdateFrame(id: number, bytes: Buffer, from: number, to: number): boolean {
    if (to - from !== 4) return this.fail(CODE.frameSize, 'a WINDOW_UPDATE of another length than 4')
    const increment = readUint32(bytes, from) & WINDOW_MAX
    if (id === 0) {
      if (increment === 0) return this.fail(CODE.protocol, 'a WINDOW_UPDATE of nothing')
      this.out.sendWindow += increment
      if (this.out.sendWindow > WINDOW_MAX) return this.fail(CODE.flowControl, 'a window that is too large')
      this.pump()
    } else {
      const stream = this.byId.get(id)
      if (stream === undefined) {
        if (this.isIdle(id)) return this.fail(CODE.protocol, 'WINDOW_UPDATE on an idle stream')
        return this.spendLittle('WINDOW_UPDATE on streams that are over')
      }
      stream.sendWindow += increment
      if (increment === 0 || stream.sendWindow > WINDOW_MAX) {
        const code = increment === 0 ? CODE.protocol : CODE.flowControl
        this.resetStream(stream, code, 'a WINDOW_UPDATE of nothing, or of too much')
        return this.spendReset()
      }
      if (this.blocked.delete(stream) && !stream.sendWaiting() && !stream.over) this.blocked.add(stream)
    }
    // Large ones are bounded by what a window can be.
    return increment >= WINDOW_STEP ? !this.over : this.spendLittle('WINDOW_UPDATE')
  }

  private resetFrame(id: number, bytes: Buffer, from: number, to: number): boolean {
    if (id === 0) return this.fail(CODE.protocol, 'RST_STREAM on stream 0')
    if (to - from !== 4) return this.fail(CODE.frameSize, 'an RST_STREAM of another length than 4')
    const stream = this.byId.get(id)
    if (stream === undefined) {
      if (this.isIdle(id)) return this.fail(CODE.protocol, 'RST_STREAM on an idle stream')
      return this.spend('RST_STREAM on streams that are over')
    }
    const code = readUint32(bytes, from)
    stream.close()
    stream.onReset(code, `the stream was reset: ${codeName(code)}`)
    return this.turn.nowMs() - stream.bornMs < RAPID_MS ? this.spendReset() : !this.over
  }

  /**
   * Work was begun for nothing: the peer has reset a stream as soon as it was there (CVE-2023-44487), or has made us reset one
   * (CVE-2025-8671). Of an endpoint that does so to us, others take care.
   */
  protected spendReset(): boolean {
    if (this.over) return false
    if (!this.server) return true
    if (this.budget.spendReset(this.turn.nowMs())) return true
    return this.fail(CODE.enhanceYourCalm, 'a flood of resets')
  }

  private priorityFrame(id: number, bytes: Buffer, from: number, to: number): boolean {
    if (id === 0) return this.fail(CODE.protocol, 'PRIORITY on stream 0')
    if (to - from !== 5) {
      const stream = this.byId.get(id)
      if (stream === undefined) this.writeReset(id, CODE.frameSize)
      else this.resetStream(stream, CODE.frameSize, 'a PRIORITY of another length than 5')
      return this.spendReset()
    }
    if ((readUint32(bytes, from) & WINDOW_MAX) === id) {
      const stream = this.byId.get(id)
      if (stream === undefined) this.writeReset(id, CODE.protocol)
      else this.resetStream(stream, CODE.protocol, 'a stream that depends on itself')
      return this.spendReset()
    }
    return this.spend('PRIORITY')
  }

  private settingsFrame(flags: number, id: number, bytes: Buffer, from: number, to: number): boolean {
    if (id !== 0) return this.fail(CODE.protocol, 'SETTINGS on a stream')
    if ((flags & FLAG.ack) !== 0) {
      if (to !== from) return this.fail(CODE.frameSize, 'an acknowledgement with a payload')
      return this.peer.known ? this.spend('acknowledgements') : this.fail(CODE.protocol, 'a frame before SETTINGS')
    }
    if ((to - from) % 6 !== 0) return this.fail(CODE.frameSize, 'SETTINGS of a broken length')
    if (!this.spend('SETTINGS')) return false
    for (let at = from; at < to; at += 6) {
      const fault = this.setting((bytes[at]! << 8) | bytes[at + 1]!, readUint32(bytes, at + 2))
      if (fault !== undefined) return this.fail(fault.code, fault.detail)
    }
    this.out.settingsAck()
    this.peer.known = true
    this.onSettings()
    if (this.blocked.size > 0) this.pump()
    return !this.over
  }

  private setting(id: number, value: number): ConnectionFault | undefined {
    const before = this.peer.initialWindow
    const fault = takeSetting(this.peer, id, value)
    if (fault !== undefined) return fault
    if (id === SETTING.headerTableSize) this.out.heads.setPeerTableSize(value)
    const more = this.peer.initialWindow - before
    if (more === 0) return undefined
    for (const stream of this.byId.values()) {
      stream.sendWindow += more
      if (stream.sendWindow > WINDOW_MAX) return { code: CODE.flowControl, detail: 'a window that is too large' }
    }
    return undefined
  }

  private pingFrame(flags: number, id: number, bytes: Buffer, from: number, to: number): boolean {
    if (id !== 0) return this.fail(CODE.protocol, 'PING on a stream')
    if (to - from !== 8) return this.fail(CODE.frameSize, 'a PING of another length than 8')
    if ((flags & FLAG.ack) !== 0) {
      this.pingSentMs = undefined
      this.onPong()
      return !this.over && this.spend('acknowledgements')
    }
    if (!this.spend('PING')) return false
    this.out.pingAck(bytes, from, to)
    return true
  }

  // ---- streams

  /** RST_STREAM. */
  protected writeReset(id: number, code: number): void {
    this.out.reset(id, code)
    if (this.resets.size >= REMEMBERED_RESETS_MAX) {
      for (const oldest of this.resets) {
        this.resets.delete(oldest)
        break
      }
    }
    this.resets.add(id)
  }

  /** We end a stream that the peer is not done with; whoever reads it hears of it as of any reset. */
  resetStream(stream: H2Stream, code: number, detail: string): void {
    if (stream.over) return
    this.writeReset(stream.id, code)
    stream.close()
    stream.onReset(code, detail)
  }

  /** As `resetStream`, by whoever knows of it already. */
  abandonStream(stream: H2Stream, code: number): void {
    if (stream.over) return
    this.writeReset(stream.id, code)
    stream.close()
  }

  /** What the peer has sent on a stream is malformed (RFC 9113, 8.1.1). */
  malformed(stream: H2Stream, detail: string): void {
    this.resetStream(stream, CODE.protocol, detail)
    this.spendReset()
  }

  /** A stream has bytes that wait for a window, or for the connection. */
  wait(stream: H2Stream): void {
    this.blocked.add(stream)
  }

  forget(stream: H2Stream): void {
    this.blocked.delete(stream)
    this.byId.delete(stream.id)
    this.streamOver(stream)
  }

  /** Lets those that wait send, each in turn. */
  private pump(): void {
    if (this.over) return
    let left = this.blocked.size
    for (const stream of this.blocked) {
      if (left-- === 0 || this.out.sendWindow <= 0 || this.out.writer.full) return
      this.blocked.delete(stream)
      if (!stream.sendWaiting() && !stream.over) this.blocked.add(stream)
    }
  }

  // ---- life and end

  protected ping(): void {
    this.pingSentMs = this.turn.nowMs()
    this.out.ping()
  }

  /** Asks a peer that has been silent for `quietMs` whether it is there; ends the connection when it isn't within `answerMs`. */
  protected probe(nowMs: number, quietMs: number, answerMs: number): void {
    if (this.over) return
    if (this.pingSentMs === undefined) {
      if (nowMs - this.heardMs >= quietMs) this.ping()
    } else if (this.heardMs > this.pingSentMs) this.pingSentMs = undefined
    else if (nowMs - this.pingSentMs >= answerMs) this.socket.destroy()
  }

  /** A stream has ended in order: its like may be given up. */
  streamServed(): void {
    this.budget.earnReset()
  }

  /** The highest stream of the peer's that we have begun. */
  protected abstract get lastPeerStream(): number

  /** The connection is at fault, and over. Always false. */
  protected fail(code: number, detail: string): false {
    if (this.over) return false
    this.onFault({ code, detail })
    this.out.goaway(this.lastPeerStream, code)
    this.finish(code, detail)
    return false
  }

  /** Ends the connection behind what was written. Streams that are left are broken off. */
  protected finish(code: number, detail: string): void {
    if (this.over) return
    this.over = true
    this.out.writer.end()
    this.endStreams(code, detail)
    // What still comes is read and thrown away, lest our last words be lost in a reset.
    this.socket.resume()
    const { socket } = this
    const destroy = (): void => void socket.destroy()
    let timer = setTimeout(destroy, code === CODE.none ? UNREAD_MS : LAST_WORDS_MS)
    timer.unref()
    // The time runs from when all has left: a slow reader gets the whole of its answers.
    socket.once('finish', () => {
      clearTimeout(timer)
      if (!socket.destroyed) timer = setTimeout(destroy, LAST_WORDS_MS)
    })
    socket.once('close', () => clearTimeout(timer))
  }

  protected endStreams(code: number, detail: string): void {
    for (const stream of [...this.byId.values()]) {
      try {
        stream.close()
        stream.onReset(code, detail)
      } catch (error) {
        // The others hear of it all the same.
        this.onBroken(error)
      }
    }
    this.blocked.clear()
    this.gathering = undefined
  }

  /** The peer sends nothing more. */
  onEnd(): void {
    if (this.over) return
    this.over = true
    this.out.writer.end()
    this.endStreams(CODE.cancel, 'the connection was closed')
    this.socket.destroySoon()
  }

  private onSocketClose(): void {
    this.over = true
    try {
      this.endStreams(CODE.cancel, 'the connection was reset')
    } finally {
      // Whatever becomes of the exchanges, the connection is counted out.
      this.onOver()
    }
  }
}
