import type { Socket } from 'node:net'
import { latin1 } from '../../common/mod.ts'
import type { Turn } from './turn.ts'

/** Text and pieces up to this size are joined into one string; larger ones go out as they are, in one gathered write. */
const JOIN_BYTES_MAX = 4096
/** What may wait for the end of the turn. Beyond it the socket is given what there is, so that its own backpressure speaks. */
const PENDING_BYTES_MAX = 64 * 1024

/**
 * Collects what is written to one socket within one turn of the event loop, and writes it at once. The socket's backpressure shows in
 * `write`'s and `text`'s answers: `false` means wait for `drain`.
 */
export class SocketWriter {
  private readonly socket: Socket
  private joined = ''
  private parts: (string | Buffer)[] = []
  private pendingBytes = 0
  private blocked = false
  private readonly turn: Turn

  constructor(socket: Socket, turn: Turn) {
    this.socket = socket
    this.turn = turn
  }

  /** `text` is latin1. */
  text(text: string): boolean {
    this.joined += text
    return this.count(text.length)
  }

  /** As `bytes`, for a piece whose buffer is used again after the call. */
  borrowed(chunk: Buffer): boolean {
    return this.bytes(chunk.length <= JOIN_BYTES_MAX ? chunk : Buffer.from(chunk))
  }

  /** A piece that nobody changes any more. */
  bytes(chunk: Buffer): boolean {
    if (chunk.length <= JOIN_BYTES_MAX) this.joined += latin1(chunk, 0, chunk.length)
    else {
      if (this.joined !== '') {
        this.parts.push(this.joined)
        this.joined = ''
      }
      this.parts.push(chunk)
    }
    return this.count(chunk.length)
  }

  private count(bytes: number): boolean {
    if (this.pendingBytes === 0) this.turn.touch(this)
    this.pendingBytes += bytes
    if (this.pendingBytes >= PENDING_BYTES_MAX) this.flush()
    return !this.blocked
  }

  flush(): void {
    if (this.pendingBytes === 0) return
    const { socket, parts, joined } = this
    this.pendingBytes = 0
    this.joined = ''
    if (!socket.writable) {
      this.parts = []
      return
    }
    let open: boolean
    if (parts.length === 0) open = socket.write(joined, 'latin1')
    else {
      this.parts = []
      socket.cork()
      for (const part of parts) {
        if (typeof part === 'string') socket.write(part, 'latin1')
        else socket.write(part)
      }
      if (joined !== '') socket.write(joined, 'latin1')
      socket.uncork()
      open = !socket.writableNeedDrain
    }
    if (!open) this.blocked = true
  }

  /** The socket's `drain` event has come. */
  drained(): void {
    this.blocked = false
  }
}
