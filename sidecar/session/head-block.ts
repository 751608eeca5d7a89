import { HEAD_BYTES_MAX, HEAD_FIELDS_MAX } from '../../common/mod.ts'

/** A header block as it travels. Compression makes it shorter, unless somebody means harm. */
const BLOCK_BYTES_MAX = HEAD_BYTES_MAX + HEAD_FIELDS_MAX * 8
/** A block of 64 KiB has four frames; who cuts it into more has reasons of their own. */
const CONTINUATIONS_MAX = 8

/** A header block that comes in several frames (RFC 9113, 4.3). */
export class HeadBlock {
  readonly stream: number
  readonly endStream: boolean
  private readonly pieces: Buffer[] = []
  private bytes = 0

  constructor(stream: number, endStream: boolean) {
    this.stream = stream
    this.endStream = endStream
  }

  /** Adds a copy. False: it is more than any head needs, in bytes or in frames. */
  add(bytes: Buffer, from: number, to: number): boolean {
    this.bytes += to - from
    if (this.bytes > BLOCK_BYTES_MAX || this.pieces.length > CONTINUATIONS_MAX) return false
    this.pieces.push(Buffer.from(bytes.subarray(from, to)))
    return true
  }

  whole(): Buffer {
    return Buffer.concat(this.pieces)
  }
}
