import {
  CODE,
  type ConnectionFault,
  FLAG,
  FRAME,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  PREFACE,
  readUint32,
} from './frames.ts'

/** Hears of each frame, in order. What it is given is valid until the call returns. False: nothing more is to be read. */
export interface FrameHandler {
  /** A whole frame that isn't DATA, or is padded; its payload is `bytes[from..to]`. */
  frame(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): boolean
  /** The header of a DATA frame with so many bytes of payload, without padding. */
  data(flags: number, stream: number, length: number): boolean
  /** Some of its payload, or the only, empty one. `last`: with it the frame ends. */
  dataPiece(bytes: Buffer, from: number, to: number, last: boolean): boolean
}

const NOT_HTTP2: ConnectionFault = { code: CODE.protocol, detail: 'not the preface of HTTP/2' }
const TOO_LARGE: ConnectionFault = { code: CODE.frameSize, detail: `a frame of more than ${FRAME_BYTES_MAX} bytes` }
const STREAM_MASK = 0x7fff_ffff
/** Most frames that are cut are small; larger ones need room of their own. */
const ROOM_BYTES = 1_024

/**
 * Cuts a stream of bytes into frames, however it was cut before. DATA is handed on as it comes, and never copied; of the others, one that comes whole
 * isn't either.
 */
export class FrameReader {
  /** The beginning of a frame, header included, that isn't whole yet. */
  private room: Buffer | undefined = undefined
  private held = 0
  /** Bytes of the client's preface that are still to come. */
  private preface: number
  /** Bytes of the DATA frame under way that are still to come. */
  private dataLeft = 0

  /** `preface`: it begins with the client's preface (RFC 9113, 3.4). */
  constructor(preface: boolean) {
    this.preface = preface ? PREFACE.length : 0
  }

  /** Whether a frame has begun and isn't whole. */
  get midFrame(): boolean {
    return this.held > 0
  }

  read(chunk: Buffer, handler: FrameHandler): ConnectionFault | undefined {
    let at = 0
    if (this.preface > 0) {
      at = this.readPreface(chunk)
      if (at === -1) return NOT_HTTP2
    }
    const { length } = chunk
    while (at < length) {
      if (this.dataLeft > 0) {
        const to = Math.min(length, at + this.dataLeft)
        this.dataLeft -= to - at
        if (!handler.dataPiece(chunk, at, to, this.dataLeft === 0)) return undefined
        at = to
      } else if (this.held > 0 || length - at < FRAME_HEADER_BYTES) {
        at = this.gather(chunk, at, handler)
        if (at === -1) return TOO_LARGE
        if (at === -2) return undefined
      } else {
        const bytes = (chunk[at]! << 16) | (chunk[at + 1]! << 8) | chunk[at + 2]!
        if (bytes > FRAME_BYTES_MAX) return TOO_LARGE
        const from = at + FRAME_HEADER_BYTES
        const type = chunk[at + 3]!
        const flags = chunk[at + 4]!
        const stream = readUint32(chunk, at + 5) & STREAM_MASK
        if (type === FRAME.data && (flags & FLAG.padded) === 0) {
          if (!this.beginData(flags, stream, bytes, handler)) return undefined
          at = from
        } else if (from + bytes > length) {
          this.hold(chunk, at, FRAME_HEADER_BYTES + bytes)
          return undefined
        } else {
          if (!handler.frame(type, flags, stream, chunk, from, from + bytes)) return undefined
          at = from + bytes
        }
      }
    }
    return undefined
  }

  private beginData(flags: number, stream: number, bytes: number, handler: FrameHandler): boolean {
    if (!handler.data(flags, stream, bytes)) return false
    if (bytes === 0) return handler.dataPiece(NOTHING, 0, 0, true)
    this.dataLeft = bytes
    return true
  }

  private readPreface(chunk: Buffer): number {
    const seen = PREFACE.length - this.preface
    const bytes = Math.min(this.preface, chunk.length)
    if (chunk.compare(PREFACE, seen, seen + bytes, 0, bytes) !== 0) return -1
    this.preface -= bytes
    return bytes
  }

  private hold(chunk: Buffer, at: number, whole: number): void {
    if (this.room === undefined || this.room.length < whole) {
      const larger = Buffer.allocUnsafe(Math.max(whole, ROOM_BYTES))
      this.room?.copy(larger, 0, 0, this.held)
      this.room = larger
    }
    this.held += chunk.copy(this.room, this.held, at, Math.min(chunk.length, at + whole - this.held))
  }

  /** Takes what is missing of the header, or the frame, that has begun. Returns where to go on; -1: too large; -2: nothing more is to be read. */
  private gather(chunk: Buffer, start: number, handler: FrameHandler): number {
    let at = start
    if (this.held < FRAME_HEADER_BYTES) {
      const before = this.held
      this.hold(chunk, at, FRAME_HEADER_BYTES)
      at += this.held - before
      if (this.held < FRAME_HEADER_BYTES) return at
    }
    const header = this.room!
    const bytes = (header[0]! << 16) | (header[1]! << 8) | header[2]!
    if (bytes > FRAME_BYTES_MAX) return -1
    const flags = header[4]!
    const stream = readUint32(header, 5) & STREAM_MASK
    if (header[3] === FRAME.data && (flags & FLAG.padded) === 0) {
      this.release()
      return this.beginData(flags, stream, bytes, handler) ? at : -2
    }
    const whole = FRAME_HEADER_BYTES + bytes
    const before = this.held
    this.hold(chunk, at, whole)
    at += this.held - before
    if (this.held < whole) return at
    const frame = this.room!
    this.release()
    return handler.frame(frame[3]!, flags, stream, frame, FRAME_HEADER_BYTES, whole) ? at : -2
  }

  /** An idle connection holds no memory for frames. */
  private release(): void {
    this.room = undefined
    this.held = 0
  }
}

const NOTHING = Buffer.alloc(0)
