const EMPTY = Buffer.alloc(0)
const ROOM_BYTES_MIN = 1024

/**
 * Bytes that wait for their turn: a head that isn't whole, requests behind the one that is being answered. What is read at once is
 * never copied, what waits is copied once, and taking from the front copies nothing: a thousand requests in one piece cost a thousand
 * times what one costs, however the bytes are cut.
 */
export class HeldBytes {
  /** What is held begins at `from` and goes to the end. Valid until the next `append`, `settle` or `clear`. */
  bytes: Buffer = EMPTY
  from = 0
  /** Ours, with room to grow; `undefined` while `bytes` is borrowed or empty. */
  private room: Buffer | undefined = undefined

  get length(): number {
    return this.bytes.length - this.from
  }

  /** Holds a chunk whose buffer is used again after the call that brought it: `settle` comes before that. */
  give(chunk: Buffer): void {
    if (this.length > 0) this.append(chunk, 0)
    else {
      this.room = undefined
      this.bytes = chunk
      this.from = 0
    }
  }

  /** Holds a copy of what is behind `start`. */
  append(chunk: Buffer, start: number): void {
    const held = this.length
    const added = chunk.length - start
    if (added === 0) return
    let { room } = this
    if (room === undefined || room.length - this.bytes.length < added) {
      // Twice what is needed, so that each byte is moved a bounded number of times.
      const next = Buffer.allocUnsafeSlow(Math.max(ROOM_BYTES_MIN, 2 * (held + added)))
      this.bytes.copy(next, 0, this.from)
      this.from = 0
      this.bytes = next.subarray(0, held)
      room = next
      this.room = next
    }
    chunk.copy(room, this.bytes.length, start)
    this.bytes = room.subarray(0, this.bytes.length + added)
  }

  /** What is left of a given chunk becomes ours; where nothing is left, nothing is kept. */
  settle(): void {
    if (this.length === 0) this.clear()
    else if (this.room === undefined) {
      const borrowed = this.bytes
      const { from } = this
      this.clear()
      this.append(borrowed, from)
    }
  }

  clear(): void {
    this.bytes = EMPTY
    this.from = 0
    this.room = undefined
  }
}
