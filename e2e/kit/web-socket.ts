import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'

// RFC 6455 as far as an echo needs it: whole text and binary messages, close.

const TEXT = 1
const BINARY = 2
const CLOSE = 8

export interface Message {
  readonly opcode: number
  readonly payload: Buffer
}

/** RFC 6455, 4.2.2. */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

/** One frame that is a whole message; from a client it is masked (RFC 6455, 5.3). */
export function frame(opcode: number, payload: Buffer, mask?: Buffer): Buffer {
  const long = payload.length > 65_535 ? 127 : payload.length > 125 ? 126 : payload.length
  const head = Buffer.alloc(2 + (long === 127 ? 8 : long === 126 ? 2 : 0))
  head[0] = 0x80 | opcode
  head[1] = long | (mask === undefined ? 0 : 0x80)
  if (long === 127) head.writeBigUInt64BE(BigInt(payload.length), 2)
  else if (long === 126) head.writeUInt16BE(payload.length, 2)
  return mask === undefined ? Buffer.concat([head, payload]) : Buffer.concat([head, mask, masked(payload, mask)])
}

export function text(words: string, mask?: Buffer): Buffer {
  return frame(TEXT, Buffer.from(words), mask)
}

/** Calls `take` with each message as it is whole. */
export function messages(stream: Duplex, take: (message: Message) => void): void {
  let held = Buffer.alloc(0)
  stream.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    for (;;) {
      const read = readFrame(held)
      if (read === undefined) return
      held = held.subarray(read.length)
      take(read.message)
    }
  })
}

/** Sends back what comes, until it is told to close. */
export function echo(stream: Duplex): void {
  messages(stream, ({ opcode, payload }) => {
    stream.write(frame(opcode === CLOSE || opcode === TEXT ? opcode : BINARY, payload))
    if (opcode === CLOSE) stream.end()
  })
  stream.on('error', () => undefined)
}

function readFrame(held: Buffer): { readonly message: Message; readonly length: number } | undefined {
  if (held.length < 2) return undefined
  const short = held[1]! & 0x7f
  let at = short === 127 ? 10 : short === 126 ? 4 : 2
  if (held.length < at) return undefined
  const length = short === 127 ? Number(held.readBigUInt64BE(2)) : short === 126 ? held.readUInt16BE(2) : short
  const mask = (held[1]! & 0x80) === 0 ? undefined : held.subarray(at, at + 4)
  if (mask !== undefined) at += 4
  if (held.length < at + length) return undefined
  const payload = held.subarray(at, at + length)
  const opcode = held[0]! & 0x0f
  return {
    message: { opcode, payload: mask === undefined ? Buffer.from(payload) : masked(payload, mask) },
    length: at + length,
  }
}

function masked(payload: Buffer, mask: Buffer): Buffer {
  return payload.map((byte, i) => byte ^ mask[i % 4]!) as Buffer
}
