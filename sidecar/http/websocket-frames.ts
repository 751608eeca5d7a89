const CLOSE = 0x8
const FINAL = 0x80
const MASKED = 0x80
const OPCODE = 0x0f
const LENGTH = 0x7f
const LENGTH_16 = 126
const LENGTH_64 = 127
const MASK_BYTES = 4
/** RFC 6455, 7.4.1: an endpoint is "going away". */
const GOING_AWAY = 1001

/** Where the frames of one direction of a WebSocket begin and end (RFC 6455, 5.2). Looks at their headers alone. */
export class WebSocketFrames {
  /** Whether a Close has passed: nothing may follow it. */
  closed = false
  /** Bytes of the header under way that have come. */
  private come = 0
  /** How long that header is, as far as is known. */
  private headerBytes = 2
  private lengthBytes = 0
  private length = 0
  /** Bytes of the frame's payload that are still to come. */
  private left = 0

  /** Whether another frame could be put in here. Between the frames of one message it can be a control frame (5.4). */
  get between(): boolean {
    return this.come === 0 && this.left === 0
  }

  pass(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.left > 0) {
        const skipped = Math.min(this.left, chunk.length - at)
        this.left -= skipped
        at += skipped
      } else this.header(chunk[at++]!)
    }
  }

  private header(byte: number): void {
    const place = this.come++
    if (place === 0) this.closed ||= (byte & OPCODE) === CLOSE
    else if (place === 1) {
      const length = byte & LENGTH
      this.lengthBytes = length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0
      this.length = this.lengthBytes === 0 ? length : 0
      this.headerBytes = 2 + this.lengthBytes + ((byte & MASKED) === 0 ? 0 : MASK_BYTES)
    } else if (place < 2 + this.lengthBytes) this.length = this.length * 256 + byte
    if (this.come < this.headerBytes) return
    this.left = this.length
    this.come = 0
    this.headerBytes = 2
  }
}

/** A Close that says that we go away. What a client sends is masked (5.1), though a text that is ours hides nothing behind its mask of zeros. */
export function closeFrame(from: 'client' | 'server'): Buffer {
  const reason = Buffer.from('selvedge: going away')
  const head =
    from === 'server' ? [FINAL | CLOSE, reason.length + 2] : [FINAL | CLOSE, MASKED | (reason.length + 2), 0, 0, 0, 0]
  return Buffer.concat([Buffer.from([...head, GOING_AWAY >> 8, GOING_AWAY & 0xff]), reason])
}
