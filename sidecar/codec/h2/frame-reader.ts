import { CODE, type ConnectionFault, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, PREFACE, readUint32 } from './frames.ts'

/** Hears of each frame, in order. The payload is `bytes[from..to]`, valid until the call returns. */
export interface FrameHandler {
  /** False: nothing more is to be read. */
  frame(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): boolean
}

const NOT_HTTP2: ConnectionFault = { code: CODE.protocol, detail: 'not the preface of HTTP/2' }
const TOO_LARGE: ConnectionFault = { code: CODE.frameSize, detail: `a frame of more than ${FRAME_BYTES_MAX} bytes` }
const STREAM_MASK = 0x7fff_ffff

/** Cuts a stream of bytes into frames, however it was cut before. A frame that comes whole is not copied; one that doesn't is copied once. */
export class FrameReader {
  /** The beginning of a frame, header included, that isn't whole yet. */
  private partial: Buffer | undefined = undefined
  private partialBytes = 0
  /** Bytes of the client's preface that are still to come. */
  private preface: number

  /** `preface`: it begins with the client's preface (RFC 9113, 3.4). */
  constructor(preface: boolean) {
    this.preface = preface ? PREFACE.length : 0
  }

  /** Whether a frame has begun and isn't whole. */
  get midFrame(): boolean {
    return this.partial !== undefined
  }

  read(chunk: Buffer, handler: FrameHandler): ConnectionFault | undefined {
    let at = 0
    if (this.preface > 0) {
      at = this.readPreface(chunk)
      if (at === -1) return NOT_HTTP2
    }
    if (this.partial !== undefined) {
      at = this.complete(chunk, at)
      if (at === -1) return TOO_LARGE
      if (this.partial !== undefined && this.partialBytes === wholeBytes(this.partial, 0, this.partialBytes)) {
        const whole = this.partial
        const to = this.partialBytes
        this.partial = undefined
        this.partialBytes = 0
        if (!give(whole, 0, to, handler)) return undefined
      }
    }
    const { length } = chunk
    while (length - at >= FRAME_HEADER_BYTES) {
      const end = at + wholeBytes(chunk, at, length)
      if (end - at > FRAME_BYTES_MAX + FRAME_HEADER_BYTES) return TOO_LARGE
      if (end > length) break
      if (!give(chunk, at, end, handler)) return undefined
      at = end
    }
    if (at < length) this.keep(chunk, at)
    return undefined
  }

  private readPreface(chunk: Buffer): number {
    const seen = PREFACE.length - this.preface
    const bytes = Math.min(this.preface, chunk.length)
    if (chunk.compare(PREFACE, seen, seen + bytes, 0, bytes) !== 0) return -1
    this.preface -= bytes
    return bytes
  }

  private keep(chunk: Buffer, at: number): void {
    if (at === chunk.length) return
    const bytes = chunk.length - at
    const whole = bytes < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : wholeBytes(chunk, at, chunk.length)
    this.partial = Buffer.allocUnsafe(whole)
    this.partialBytes = chunk.copy(this.partial, 0, at)
  }

  /** Takes what is missing of the frame that has begun. Returns where the next begins; -1 when this one is too large. */
  private complete(chunk: Buffer, start: number): number {
    let at = start
    let { partial } = this
    if (partial === undefined) return at
    if (this.partialBytes < FRAME_HEADER_BYTES) {
      const taken = chunk.copy(partial, this.partialBytes, at, at + FRAME_HEADER_BYTES - this.partialBytes)
      this.partialBytes += taken
      at += taken
      if (this.partialBytes < FRAME_HEADER_BYTES) return at
      const whole = wholeBytes(partial, 0, FRAME_HEADER_BYTES)
      if (whole > FRAME_BYTES_MAX + FRAME_HEADER_BYTES) return -1
      const header = partial
      partial = Buffer.allocUnsafe(whole)
      header.copy(partial, 0, 0, FRAME_HEADER_BYTES)
      this.partial = partial
    }
    const taken = chunk.copy(partial, this.partialBytes, at, at + partial.length - this.partialBytes)
    this.partialBytes += taken
    return at + taken
  }
}

/** The length of the frame that begins there, its header included; of one whose header isn't there, the header's. */
function wholeBytes(bytes: Buffer, at: number, end: number): number {
  if (end - at < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES
  return FRAME_HEADER_BYTES + ((bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!)
}

function give(bytes: Buffer, at: number, end: number, handler: FrameHandler): boolean {
  const stream = readUint32(bytes, at + 5) & STREAM_MASK
  return handler.frame(bytes[at + 3]!, bytes[at + 4]!, stream, bytes, at + FRAME_HEADER_BYTES, end)
}
