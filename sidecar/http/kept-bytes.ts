/** Room that is made at once for what comes behind, at most and at least. */
const ROOM_BYTES_MAX = 16 * 1024
const ROOM_BYTES_MIN = 512

/**
 * A body so far, or its front, for later. Chunks may be as small as a byte, and a buffer of its own costs a hundred times that: all but the first share
 * rooms that grow with what there is.
 */
export class KeptBytes {
  /** Copies of all that was added, in order. */
  readonly chunks: Buffer[] = []
  bytes = 0
  /** The last of `chunks` is the front of it. */
  private room: Buffer | undefined = undefined

  /** Adds a copy. */
  add(chunk: Buffer): void {
    const { chunks } = this
    if (chunks.length === 0) chunks.push(Buffer.from(chunk))
    else this.addBehind(chunk)
    this.bytes += chunk.length
  }

  private addBehind(chunk: Buffer): void {
    const { chunks, room } = this
    const last = chunks.length - 1
    const used = chunks[last]!.length
    const fits = room === undefined ? 0 : chunk.copy(room, used)
    if (room !== undefined && fits > 0) chunks[last] = room.subarray(0, used + fits)
    const left = chunk.length - fits
    if (left === 0) return
    const larger = Buffer.allocUnsafeSlow(Math.max(left, ROOM_BYTES_MIN, Math.min(this.bytes, ROOM_BYTES_MAX)))
    chunks.push(larger.subarray(0, chunk.copy(larger, 0, fits)))
    this.room = larger
  }
}
