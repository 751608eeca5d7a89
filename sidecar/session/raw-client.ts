import type { Socket } from 'node:net'
import { Headers, NO_BODY, type RequestHead, type ResponseHead, type TunnelEnd, type TunnelNear } from '../http/mod.ts'
import { breakOff, closeAfterWrites, type Reads, SocketWriter, type Turn } from '../transport/mod.ts'
import type { ClientCarriage, ClientEvents } from './client.ts'
import { guarded, ownSocket } from './socket-events.ts'

/** Who counts connections. */
export interface RawOwner {
  closed(): void
  broken(error: unknown): void
}

/**
 * A connection that has just been made, for bytes as they are: what is sent on it is the wish to have it, and it is a tunnel from then on. Never
 * used for a second request. Its halves end one by one, so that it must have been made with `allowHalfOpen`.
 */
export class RawClient implements ClientCarriage, TunnelEnd {
  readonly socket: Socket
  readonly reused = false
  private readonly owner: RawOwner
  private readonly turn: Turn
  private readonly writer: SocketWriter
  private near: TunnelNear | undefined = undefined
  /** Our half has ended in order. */
  private ended = false

  /** Without `reads`, the socket is read as a stream. */
  constructor(socket: Socket, owner: RawOwner, turn: Turn, reads?: Reads) {
    this.socket = socket
    this.owner = owner
    this.turn = turn
    this.writer = new SocketWriter(socket, turn)
    ownSocket(socket, reads, turn, this)
  }

  get usable(): boolean {
    return this.near === undefined && this.socket.writable
  }

  // ---- ClientCarriage

  send(_head: RequestHead, events: ClientEvents): void {
    this.near = events.onSwitch(opened(), this)
    if (this.near === undefined) this.socket.destroy()
  }

  /** A CONNECT has no body. */
  write(_chunk: Buffer): boolean {
    return true
  }

  finish(): void {}

  resume(): void {
    this.socket.resume()
  }

  discardAnswer(): void {
    this.abandon()
  }

  abandon(): void {
    this.near = undefined
    this.socket.destroy()
  }

  giveBack(): void {
    this.abandon()
  }

  // ---- TunnelEnd: what comes of the caller

  data(chunk: Buffer): boolean {
    return this.writer.bytes(chunk)
  }

  end(): void {
    this.ended = true
    this.writer.flush()
    this.socket.end()
  }

  closed(): void {
    this.near = undefined
    this.writer.flush()
    // What the caller sent before it ended may still be on its way.
    if (this.ended) closeAfterWrites(this.socket)
    else breakOff(this.socket)
  }

  drained(): void {
    this.socket.resume()
  }

  // ---- SocketOwner: what comes of the endpoint

  onData(chunk: Buffer): void {
    if (this.near?.tunnelWrite(chunk) === false) this.socket.pause()
  }

  onDrain(): void {
    this.writer.drained()
    this.near?.resume()
  }

  onEnd(): void {
    this.near?.tunnelEnd()
  }

  onClose(): void {
    const { near } = this
    this.near = undefined
    try {
      // Both halves ended in order, or it broke off.
      if (!this.ended || !this.socket.readableEnded) near?.breakOff()
    } finally {
      this.owner.closed()
    }
  }

  onBroken(error: unknown): void {
    const { near } = this
    this.near = undefined
    this.socket.destroy()
    // In a turn of its own, as who is told may throw as well.
    guarded(this.turn, { onBroken: this.owner.broken }, () => near?.breakOff())
    this.owner.broken(error)
  }
}

/** RFC 9110, 9.3.6: any 2xx opens the way. */
function opened(): ResponseHead {
  return {
    status: 200,
    reason: 'Connection established',
    headers: Headers.empty(),
    body: NO_BODY,
    keepAlive: true,
    upgrade: undefined,
    hasMeshFields: false,
  }
}
