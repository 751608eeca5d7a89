import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { latin1 } from '../../common/mod.ts'
import type { Turn } from './turn.ts'

/** Text and chunks up to this size are joined into one string; with a larger one, what is written is composed in a piece. */
const JOIN_BYTES_MAX = 4096
/** What may wait for the end of the turn. Beyond it the socket is given what there is, so that its own backpressure speaks. */
const PENDING_BYTES_MAX = 64 * 1024

/**
 * Collects what is written to one socket within one turn of the event loop, and writes it at once. The socket's backpressure shows in
 * the answers of those who write: `false` means wait for `drain`.
 */
export class SocketWriter {
  private readonly socket: Socket
  private readonly turn: Turn
  /** TLS has encrypted, or copied, what it is given when `write` returns. */
  private readonly consumedAtOnce: boolean
  private joined = ''
  /** Full pieces, then the one that is being filled; nothing before a large chunk has come. */
  private filled: Buffer[] = []
  private piece: Buffer | undefined = undefined
  private at = 0
  private pendingBytes = 0
  private blocked = false
  /** Whether more than chunks of a body waits. */
  private hasText = false
  /** Whether it waits for the end of the round. */
  private isLate = false
  /** Pieces that the kernel has not taken whole yet. */
  private inFlight: Buffer[] = []

  constructor(socket: Socket, turn: Turn) {
    this.socket = socket
    this.turn = turn
    this.consumedAtOnce = socket instanceof TLSSocket
  }

  /** `text` is latin1. */
  text(text: string): boolean {
    if (this.piece === undefined) this.joined += text
    else this.putText(text)
    this.hasText = true
    return this.count(text.length, false)
  }

  /** A chunk that is valid until the call returns. */
  bytes(chunk: Buffer): boolean {
    if (this.piece !== undefined) {
      this.put(chunk)
      return this.count(chunk.length, true)
    }
    if (chunk.length <= JOIN_BYTES_MAX) this.joined += latin1(chunk, 0, chunk.length)
    else {
      const { joined } = this
      this.joined = ''
      this.piece = this.turn.pieces.take()
      this.at = 0
      this.putText(joined)
      this.put(chunk)
      return this.count(chunk.length, true)
    }
    return this.count(chunk.length, false)
  }

  private putText(text: string): void {
    const { piece } = this
    if (piece !== undefined && text.length <= piece.length - this.at) this.at += piece.write(text, this.at, 'latin1')
    else this.put(Buffer.from(text, 'latin1'))
  }

  private put(bytes: Buffer): void {
    let from = 0
    while (from < bytes.length) {
      this.piece ??= this.turn.pieces.take()
      const taken = bytes.copy(this.piece, this.at, from)
      from += taken
      this.at += taken
      if (this.at < this.piece.length) continue
      this.filled.push(this.piece)
      this.piece = this.turn.pieces.take()
      this.at = 0
    }
  }

  /**
   * `large`: of what is large, more mostly follows at once, in events of its own (TLS gives 16 KB at a time). Where it has no words with it, it leaves with that,
   * when all that the kernel had to tell has been heard.
   */
  private count(bytes: number, large: boolean): boolean {
    if (this.isLate ? this.hasText : this.pendingBytes === 0) {
      this.isLate = large && !this.hasText
      if (this.isLate) this.turn.touchLate(this)
      else this.turn.touch(this)
    } else if (large && !this.hasText && !this.isLate) {
      this.isLate = true
      this.turn.touchLate(this)
    }
    this.pendingBytes += bytes
    if (this.pendingBytes >= PENDING_BYTES_MAX) this.flush()
    return !this.blocked
  }

  turnEnds(): void {
    if (!this.isLate) this.flush()
  }

  flush(): void {
    this.isLate = false
    this.hasText = false
    if (this.pendingBytes === 0) return
    const { socket, joined, piece } = this
    this.pendingBytes = 0
    this.joined = ''
    this.piece = undefined
    if (piece !== undefined) this.flushPieces(piece)
    else if (socket.writable && !socket.write(joined, 'latin1', this.inFlight.length > 0 ? this.onWritten : undefined))
      this.blocked = true
  }

  private flushPieces(piece: Buffer): void {
    const { socket, filled, at } = this
    const { pieces } = this.turn
    this.filled = []
    const behind = socket.writableLength > 0
    if (socket.writable) {
      if (filled.length > 0) socket.cork()
      for (const part of filled) socket.write(part, this.onWritten)
      if (at > 0) socket.write(piece.subarray(0, at), this.onWritten)
      if (filled.length > 0) socket.uncork()
      if (socket.writableNeedDrain) this.blocked = true
    }
    // What stands behind another write, or what the kernel has not taken, is still to be read.
    if (behind || (socket.writableLength > 0 && !this.consumedAtOnce)) this.inFlight.push(...filled, piece)
    else {
      for (const part of filled) pieces.give(part)
      pieces.give(piece)
    }
  }

  /** All that was written has left, or will not. */
  private readonly onWritten = (): void => {
    const { socket, inFlight } = this
    if (inFlight.length === 0 || (socket.writableLength > 0 && !socket.destroyed)) return
    this.inFlight = []
    for (const piece of inFlight) this.turn.pieces.give(piece)
  }

  /** The socket's `drain` event has come. */
  drained(): void {
    this.blocked = false
  }
}
