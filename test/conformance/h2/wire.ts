// HTTP/2 as RFC 9113 writes it, by hand and apart from the product: what a test sends may be right or wrong, byte for byte.

export type Pair = readonly [name: string, value: string]

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** RFC 9113, 6. */
export const TYPE = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const

export const END_STREAM = 0x1
export const ACK = 0x1
export const END_HEADERS = 0x4
export const PADDED = 0x8
export const PRIORITIZED = 0x20

/** RFC 9113, 7. */
export const CODE = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const

/** RFC 9113, 6.5.2. */
export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const EMPTY = Buffer.alloc(0)

/** Any frame. Nothing is checked. */
export function frame(type: number, flags: number, stream: number, payload: Buffer = EMPTY): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(stream, 5)
  return Buffer.concat([header, payload])
}

/** The same frame again and again, as one piece. */
export function times(count: number, one: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => one))
}

export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4)
  return bytes
}

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = pairs.map(([id, value]) => Buffer.concat([Buffer.from([id >> 8, id & 0xff]), uint32(value)]))
  return frame(TYPE.SETTINGS, 0, 0, Buffer.concat(payload))
}

export const settingsAck = (): Buffer => frame(TYPE.SETTINGS, ACK, 0)
export const ping = (flags = 0, payload: Buffer = Buffer.alloc(8)): Buffer => frame(TYPE.PING, flags, 0, payload)
export const reset = (stream: number, code: number): Buffer => frame(TYPE.RST_STREAM, 0, stream, uint32(code))
export const goaway = (last: number, code: number): Buffer => frame(TYPE.GOAWAY, 0, 0, uint32(last, code))
export const windowUpdate = (stream: number, bytes: number): Buffer =>
  frame(TYPE.WINDOW_UPDATE, 0, stream, uint32(bytes))
export const priority = (stream: number, on: number): Buffer =>
  frame(TYPE.PRIORITY, 0, stream, Buffer.concat([uint32(on), Buffer.from([15])]))
export const data = (stream: number, bytes: Buffer | string, flags = 0): Buffer =>
  frame(TYPE.DATA, flags, stream, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
export const headers = (stream: number, block: Buffer, flags = END_HEADERS): Buffer =>
  frame(TYPE.HEADERS, flags, stream, block)
export const continuation = (stream: number, block: Buffer, flags = 0): Buffer =>
  frame(TYPE.CONTINUATION, flags, stream, block)

/** Fields as literals that are not indexed, names and values plain, whatever they hold (RFC 7541, 6.2.2). */
export function block(fields: readonly Pair[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), string(name), string(value)]))
}

/** A plain string (RFC 7541, 5.2). */
export function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  const length = [Math.min(bytes.length, 127)]
  if (bytes.length >= 127) {
    let rest = bytes.length - 127
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128)
    length.push(rest)
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

/** The pseudo-fields of a request, and what else it says. */
export function request(method: string, path: string, ...fields: readonly Pair[]): Pair[] {
  return [[':method', method], [':scheme', 'http'], [':path', path], [':authority', 'app'], ...fields]
}

/** The whole frames at the front of `bytes`, and where the rest begins. */
export function readFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = []
  let at = 0
  while (bytes.length - at >= 9) {
    const length = bytes.readUIntBE(at, 3)
    if (bytes.length - at - 9 < length) break
    frames.push({
      type: bytes[at + 3]!,
      flags: bytes[at + 4]!,
      stream: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
      payload: Buffer.from(bytes.subarray(at + 9, at + 9 + length)),
    })
    at += 9 + length
  }
  return { frames, rest: bytes.subarray(at) }
}

/** What a HEADERS or DATA frame carries, without padding and priority. */
export function contentOf({ type, flags, payload }: Frame): Buffer {
  const padding = (flags & PADDED) !== 0 ? payload[0]! + 1 : 0
  const from = (padding > 0 ? 1 : 0) + (type === TYPE.HEADERS && (flags & PRIORITIZED) !== 0 ? 5 : 0)
  return payload.subarray(from, payload.length - Math.max(0, padding - 1))
}
