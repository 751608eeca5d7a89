import { FLAG } from '../codec/h2/mod.ts'
import type { Headers } from '../http/mod.ts'
import type { H2Connection } from './h2-connection.ts'

/** What a stream may have sent us that nobody has taken yet: with it a slow reader costs at most so much. */
export const STREAM_WINDOW = 256 * 1024

/** How what we send ends. */
type Ending = 'open' | 'ending' | 'ended'

/**
 * One stream: flow control both ways, tied to those who read and write (RFC 9113, 5.2 and 6.9). What its window, or the connection, doesn't take yet
 * waits here, and the writer is asked to pause.
 */
export abstract class H2Stream {
  id = 0
  readonly bornMs: number
  /** Monotonic time of the last progress, for sweeps. */
  lastActiveMs: number
  /** The far side has ended its half, in order. */
  remoteEnded = false
  /** Over, in whatever way: nothing is sent or heard any more. */
  over = false
  sendWindow = 0
  protected readonly connection: H2Connection
  private ending: Ending = 'open'
  private trailers: Headers | undefined = undefined
  /** What waits to be sent; copies. */
  private waiting: Buffer[] = []
  waitingBytes = 0
  /** What the far side may still send. */
  private receiveWindow = STREAM_WINDOW
  /** Taken, and not given back to the far side's window yet. */
  private taken = 0
  private paused = false
  /** Bytes that a content-length has announced and that are still to come; -1 where none has. */
  announced = -1
  /** Where the header of its last frame stands, as long as it can be changed. */
  private lastFrame: Buffer | undefined = undefined
  private lastFrameAt = 0
  private lastFlush = 0

  constructor(connection: H2Connection) {
    this.connection = connection
    this.bornMs = connection.nowMs()
    this.lastActiveMs = this.bornMs
  }

  /** A header block came that isn't the first. */
  abstract onLaterHead(endStream: boolean): void
  /** A piece of what the far side sends, valid until the call returns. `false` asks for a pause. */
  protected abstract onData(chunk: Buffer): boolean
  protected abstract onEnd(trailers: Headers | undefined): void
  /** The far side has reset it, or the connection has ended. */
  abstract onReset(code: number, detail: string): void
  /** More is taken of what is sent. */
  protected abstract onRoom(): void
  /** Our half has ended, and the far side's has not. */
  protected abstract onLocalEnd(): void

  /** Whether we have ended our half. */
  get localEnded(): boolean {
    return this.ending === 'ended'
  }

  get isPaused(): boolean {
    return this.paused
  }

  expectLength(bytes: number): void {
    this.announced = bytes
  }

  // ---- what comes

  /** DATA of so many bytes begins, padding included. False: that is more than the far side may send. */
  admit(frameBytes: number): boolean {
    this.receiveWindow -= frameBytes
    this.taken += frameBytes
    return this.receiveWindow >= 0
  }

  receive(bytes: Buffer, from: number, to: number): void {
    this.lastActiveMs = this.connection.nowMs()
    if (this.announced !== -1) {
      this.announced -= to - from
      if (this.announced < 0) {
        this.connection.malformed(this, 'more than its content-length')
        return
      }
    }
    const all = from === 0 && to === bytes.length
    if (!this.onData(all ? bytes : bytes.subarray(from, to))) this.paused = true
    if (!this.paused && !this.over) this.giveWindowBack()
  }

  /** The far side has ended its half. */
  receiveEnd(trailers: Headers | undefined): void {
    if (this.announced > 0) {
      this.connection.malformed(this, 'less than its content-length')
      return
    }
    this.remoteEnded = true
    this.onEnd(trailers)
    if (this.ending === 'ended') this.served()
  }

  pauseReceiving(): void {
    this.paused = true
  }

  resumeReceiving(): void {
    if (!this.paused) return
    this.paused = false
    this.lastActiveMs = this.connection.nowMs()
    if (!this.over) this.giveWindowBack()
  }

  private giveWindowBack(): void {
    if (this.taken < STREAM_WINDOW / 2 || this.remoteEnded) return
    this.connection.out.windowUpdate(this.id, this.taken)
    this.receiveWindow += this.taken
    this.taken = 0
  }

  // ---- what goes

  /** The frame that begins at `at` of the writer's piece is this stream's last so far. */
  noteFrame(piece: Buffer, at: number): void {
    this.lastFrame = piece
    this.lastFrameAt = at
    this.lastFlush = this.connection.out.writer.flushes
  }

  /** A piece of our half, valid until the call returns. `false`: wait for `onRoom`. */
  protected sendData(chunk: Buffer): boolean {
    if (this.over || this.ending !== 'open') return true
    const { connection } = this
    let from = 0
    if (this.waitingBytes === 0 && !connection.out.writer.full) {
      const { length } = chunk
      // RFC 9113, 6.9.2: a window that the peer has made smaller may be below zero.
      const bytes = Math.max(0, Math.min(length, this.sendWindow, connection.out.sendWindow))
      if (bytes > 0) connection.out.data(this, chunk, 0, bytes)
      if (bytes === length) {
        this.lastActiveMs = connection.nowMs()
        if (!connection.out.writer.full) return true
        connection.wait(this)
        return false
      }
      from = bytes
    }
    this.keepWaiting(from === 0 ? chunk : chunk.subarray(from))
    if (this.waitingBytes === 0) this.lastActiveMs = connection.nowMs()
    this.waitingBytes += chunk.length - from
    connection.wait(this)
    return false
  }

  /** Frames are a quarter of a piece: several share one, lest what waits hold four times its size. */
  private keepWaiting(bytes: Buffer): void {
    const { waiting } = this
    const { pieces } = this.connection
    const last = waiting.length - 1
    const longer = last === -1 ? undefined : pieces.append(waiting[last]!, bytes)
    if (longer === undefined) waiting.push(pieces.keep(bytes))
    else waiting[last] = longer
  }

  /** Ends our half behind what waits. */
  protected sendEnd(trailers: Headers | undefined): void {
    if (this.over || this.ending !== 'open') return
    this.ending = 'ending'
    this.trailers = trailers
    if (this.waitingBytes === 0) this.writeEnd()
  }

  private writeEnd(): void {
    const { connection, trailers } = this
    this.ending = 'ended'
    if (trailers !== undefined) {
      this.trailers = undefined
      connection.out.trailers(this, trailers)
    } else if (this.lastFrame !== undefined && this.lastFlush === connection.out.writer.flushes) {
      this.lastFrame[this.lastFrameAt + 4]! |= FLAG.endStream
    } else {
      connection.out.endStream(this.id)
    }
    this.lastFrame = undefined
    if (this.remoteEnded) this.served()
    else this.onLocalEnd()
  }

  /** Both halves have ended in order. */
  private served(): void {
    if (!this.over) this.connection.streamServed()
    this.close()
  }

  /** Our half has ended with the head. */
  endedWithHead(): void {
    this.ending = 'ended'
  }

  /** Sends of what waits as much as goes. True: all of it has gone. */
  sendWaiting(): boolean {
    const { connection, waiting } = this
    const before = this.waitingBytes
    while (waiting.length > 0 && !connection.out.writer.full) {
      const chunk = waiting[0]!
      const bytes = Math.min(chunk.length, this.sendWindow, connection.out.sendWindow)
      if (bytes <= 0) break
      connection.out.data(this, chunk, 0, bytes)
      this.waitingBytes -= bytes
      if (bytes === chunk.length) {
        waiting.shift()
        connection.pieces.giveView(chunk)
      } else waiting[0] = chunk.subarray(bytes)
    }
    if (this.waitingBytes < before) this.lastActiveMs = connection.nowMs()
    if (this.waitingBytes > 0) return false
    if (this.ending === 'ending') this.writeEnd()
    else if (this.ending === 'open') this.onRoom()
    return true
  }

  /** Over: forgets what waits, and is counted out. Safe to call twice. */
  close(): void {
    if (this.over) return
    this.over = true
    for (const chunk of this.waiting) this.connection.pieces.giveView(chunk)
    this.waiting = []
    this.waitingBytes = 0
    this.lastFrame = undefined
    this.connection.forget(this)
  }
}
