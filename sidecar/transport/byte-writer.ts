import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { LARGE_PIECE_BYTES, PIECE_BYTES } from './pieces.ts'
import type { Flushable, Turn } from './turn.ts'

/** What may wait to be written to one socket before those who write are asked to pause. */
const PENDING_BYTES_MAX = 128 * 1024

/**
 * Bytes on their way to one socket: they are composed in place, in pieces that all writers share, and leave in one write at the end of a turn.
 * One write is under way at a time; what comes meanwhile leaves with the next. An idle writer holds no memory.
 */
export class ByteWriter implements Flushable {
  /** The piece that is being filled, from `at` on. Room is asked for by `reserve`. */
  piece: Buffer = NO_PIECE
  at = 0
  /** How often all has been handed over: what was composed before can't be changed any more. */
  flushes = 0
  private readonly socket: Socket
  private readonly turn: Turn
  private readonly onRoom: () => void
  /** Whether what is written has been copied when `write` returns: TLS encrypts at once, or copies. */
  private readonly consumedAtOnce: boolean
  /** Filled pieces, in order. */
  private filled: Buffer[] = []
  private filledBytes = 0
  /** Pieces that the kernel has not taken whole yet. */
  private leaving: { readonly piece: Buffer; readonly filled: readonly Buffer[] }[] = []
  private touched = false
  private writing = false
  private wasFull = false

  /** `onRoom` is called, outside of any turn, when there is room again after `full` was true. */
  constructor(socket: Socket, turn: Turn, onRoom: () => void) {
    this.socket = socket
    this.turn = turn
    this.onRoom = onRoom
    this.consumedAtOnce = socket instanceof TLSSocket
  }

  /** Bytes that wait here. */
  get pending(): number {
    return this.filledBytes + this.at
  }

  /** Whether writers should pause until `onRoom`. */
  get full(): boolean {
    if (this.filledBytes + this.at < PENDING_BYTES_MAX) return false
    this.wasFull = true
    return true
  }

  /** Makes room for so many bytes in a row, at `at` of `piece`. Whoever writes them moves `at` on. */
  reserve(bytes: number): void {
    if (!this.touched) {
      this.touched = true
      this.turn.touchLate(this)
    }
    if (this.piece.length - this.at >= bytes) return
    this.next(bytes)
  }

  /** Appends a copy. */
  copy(bytes: Buffer, from: number, to: number): void {
    let start = from
    this.reserve(1)
    for (;;) {
      const room = this.piece.length - this.at
      const end = to - start > room ? start + room : to
      bytes.copy(this.piece, this.at, start, end)
      this.at += end - start
      if (end === to) return
      start = end
      this.next(1)
    }
  }

  private next(bytes: number): void {
    const { pieces } = this.turn
    if (this.consumedAtOnce && this.piece.length < LARGE_PIECE_BYTES && this.at > 0) {
      const larger = pieces.takeLarge()
      this.piece.copy(larger, 0, 0, this.at)
      pieces.give(this.piece)
      this.piece = larger
      // Whoever remembers where something stood finds it there no more.
      this.flushes++
      if (larger.length - this.at >= bytes) return
    }
    if (this.at > 0) {
      this.filled.push(this.piece.subarray(0, this.at))
      this.filledBytes += this.at
    }
    this.piece = bytes <= PIECE_BYTES ? pieces.take() : Buffer.allocUnsafeSlow(bytes)
    this.at = 0
  }

  turnEnds(): void {
    // Many turns write to it.
  }

  flush(): void {
    this.touched = false
    if (!this.writing && this.pending > 0) this.send()
  }

  /** Ends our half behind all that was written. */
  end(): void {
    if (this.pending > 0) this.send()
    this.socket.end()
  }

  private send(): void {
    this.flushes++
    const { socket, filled, piece, at } = this
    // Also somebody else's, who had the socket before.
    const behind = socket.writableLength > 0
    this.piece = NO_PIECE
    this.at = 0
    this.filledBytes = 0
    if (!socket.writable) {
      this.filled = []
      this.turn.pieces.give(piece)
      return
    }
    if (filled.length === 0) socket.write(piece.subarray(0, at), this.onWritten)
    else {
      this.filled = []
      socket.cork()
      for (const part of filled) socket.write(part)
      socket.write(piece.subarray(0, at), this.onWritten)
      socket.uncork()
    }
    const all = socket.writableLength === 0
    this.writing = !all
    // What stands behind another write is still to be read.
    if (behind) return
    if (!all && !this.consumedAtOnce) this.leaving.push({ piece, filled })
    else this.giveBack(piece, filled)
  }

  /** Nobody reads what was written any more. */
  private giveBack(piece: Buffer, filled: readonly Buffer[]): void {
    const { pieces } = this.turn
    pieces.give(piece)
    for (const part of filled) pieces.giveView(part)
  }

  /** What was written last has left, or the socket has ended. */
  private readonly onWritten = (): void => {
    this.writing = this.socket.writableLength > 0
    if (this.writing) return
    if (this.leaving.length > 0) {
      for (const { piece, filled } of this.leaving) this.giveBack(piece, filled)
      this.leaving = []
    }
    if (this.at + this.filledBytes > 0 && !this.touched) {
      this.touched = true
      this.turn.touchLate(this)
    }
    if (!this.wasFull) return
    this.wasFull = false
    this.onRoom()
  }
}

const NO_PIECE = Buffer.alloc(0)
