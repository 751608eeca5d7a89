/** A full frame of HTTP/2 with its header, and then some. */
export const PIECE_BYTES = 32 * 1024
/** Pieces that are kept for later, 2 MB. */
const KEPT_MAX = 64

/** Buffers of one size that are used again and again, by whoever composes what is to be written. */
export class Pieces {
  private readonly kept: Buffer[] = []

  take(): Buffer {
    return this.kept.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES)
  }

  /** Nobody reads or writes it any more. Other sizes are left to the collector. */
  give(piece: Buffer): void {
    if (piece.length === PIECE_BYTES && this.kept.length < KEPT_MAX) this.kept.push(piece)
  }

  /** As `give`, for a view of the front of a piece. */
  giveView(view: Buffer): void {
    if (view.buffer.byteLength === PIECE_BYTES) this.give(Buffer.from(view.buffer as ArrayBuffer))
  }
}
