/** As much as is read at once, with what frames add to it. */
export const PIECE_BYTES = 68 * 1024
/** All that may wait for one connection, in one piece: TLS copies what comes in several. */
export const LARGE_PIECE_BYTES = 256 * 1024
/** Pieces that are kept for later, 2 MB ... */
const KEPT_MAX = 32
/** ... and 1 MB. */
const LARGE_KEPT_MAX = 4

/** Buffers of two sizes that are used again and again, by whoever composes what is to be written, or keeps what has to wait. */
export class Pieces {
  private readonly kept: Buffer[] = []
  private readonly keptLarge: Buffer[] = []

  take(): Buffer {
    return this.kept.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES)
  }

  takeLarge(): Buffer {
    return this.keptLarge.pop() ?? Buffer.allocUnsafeSlow(LARGE_PIECE_BYTES)
  }

  /** Nobody reads or writes it any more. Other sizes are left to the collector. */
  give(piece: Buffer): void {
    if (piece.length === PIECE_BYTES) {
      if (this.kept.length < KEPT_MAX) this.kept.push(piece)
    } else if (piece.length === LARGE_PIECE_BYTES && this.keptLarge.length < LARGE_KEPT_MAX) this.keptLarge.push(piece)
  }

  /** As `give`, for a view of some of a piece. */
  giveView(view: Buffer): void {
    const { byteLength } = view.buffer
    if (byteLength === PIECE_BYTES && this.kept.length < KEPT_MAX) this.give(Buffer.from(view.buffer as ArrayBuffer))
  }

  /** A copy that is to be given back by `giveView`. */
  keep(bytes: Buffer): Buffer {
    if (bytes.length < SMALL_BYTES || bytes.length > PIECE_BYTES) return Buffer.from(bytes)
    const piece = this.take()
    return piece.subarray(0, bytes.copy(piece))
  }

  /**
   * Puts `bytes` behind a view that `keep` has made, in the same piece, or both in a larger one; the longer view takes its place. Nothing, where they are
   * too much for one piece.
   */
  append(view: Buffer, bytes: Buffer): Buffer | undefined {
    const { buffer, byteOffset, length } = view
    const { byteLength } = buffer
    if (byteOffset + length + bytes.length > byteLength || !mayGrow(byteLength)) return this.grow(view, bytes)
    const longer = Buffer.from(buffer as ArrayBuffer, byteOffset, length + bytes.length)
    bytes.copy(longer, length)
    return longer
  }

  /** Frames may be as small as a byte: as many copies would cost a hundred times what is in them. */
  private grow(view: Buffer, bytes: Buffer): Buffer | undefined {
    const length = view.length + bytes.length
    if (view.buffer.byteLength === PIECE_BYTES || length > PIECE_BYTES) return undefined
    const room = ROOMS.find(each => length <= each)
    const larger = room === undefined ? this.take() : Buffer.allocUnsafeSlow(room)
    view.copy(larger)
    bytes.copy(larger, view.length)
    return larger.subarray(0, length)
  }
}

/** A copy in a pool of Node's, or of its own size, has a neighbour or no room. */
function mayGrow(byteLength: number): boolean {
  return byteLength === PIECE_BYTES || ROOMS.includes(byteLength)
}

/** What small copies are gathered in before they are worth a piece: sizes that no pool of Node's has. */
const ROOMS: readonly number[] = [1_536, 6_144]

/** What is smaller is cheaper to allocate than to keep a piece from others. */
const SMALL_BYTES = 8 * 1024
