import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** As Node's sockets have it. */
const WRITE_BUFFER_BYTES = 64 * 1024

/** One end of a connection, without a network: the test is the far end. */
export class FakeSocket extends Duplex {
  /** All that has left, in latin1. */
  sent = ''
  /** The pieces in which it left. */
  readonly writes: string[] = []
  /** Whether our half has ended in order. */
  finished = false
  /** Whether it was reset rather than closed. */
  brokenOff = false
  private stalled = false
  private goOn: (() => void) | undefined = undefined

  constructor({ allowHalfOpen }: { readonly allowHalfOpen: boolean }) {
    super({ allowHalfOpen, highWaterMark: WRITE_BUFFER_BYTES })
  }

  /** As rooms take it. */
  get asSocket(): Socket {
    return this as unknown as Socket
  }

  // ---- what the far end does

  /** Something comes in; settles when it has been dealt with. */
  receive(text: string | Buffer): Promise<void> {
    this.push(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
    return settled()
  }

  /** The far half ends in order. */
  receiveEnd(): Promise<void> {
    this.push(null)
    return settled()
  }

  /** The connection is reset. */
  receiveReset(): Promise<void> {
    this.destroy(new Error('read ECONNRESET'))
    return settled()
  }

  /** The far end reads no more, until `unstall`. */
  stall(): void {
    this.stalled = true
  }

  unstall(): Promise<void> {
    this.stalled = false
    const { goOn } = this
    this.goOn = undefined
    goOn?.()
    return settled()
  }

  /** What has left since the last call. */
  takeSent(): string {
    const { sent } = this
    this.sent = ''
    return sent
  }

  // ---- what the near end does

  resetAndDestroy(): this {
    this.brokenOff = true
    return this.destroy()
  }

  destroySoon(): void {
    this.end(() => this.destroy())
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.leave(chunk, done)
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    this.leave(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: () => void): void {
    this.finished = true
    done()
  }

  private leave(bytes: Buffer, done: () => void): void {
    const text = bytes.toString('latin1')
    this.sent += text
    this.writes.push(text)
    if (this.stalled) this.goOn = done
    else done()
  }
}

/** Settles when everything that follows from what has just happened has happened. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(() => setImmediate(resolve)))
}
