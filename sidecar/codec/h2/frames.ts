// Frames of HTTP/2 (RFC 9113, 4 and 6).

/** RFC 9113, 6. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const FLAG = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

/** RFC 9113, 7. */
export const CODE = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  connect: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const

/** RFC 9113, 6.5.2; RFC 8441, 3. */
export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
} as const

export const FRAME_HEADER_BYTES = 9
/** What we take, and what may be sent to anyone without asking (RFC 9113, 4.2). */
export const FRAME_BYTES_MAX = 16_384
/** RFC 9113, 6.9.1. */
export const WINDOW_MAX = 0x7fff_ffff
/** RFC 9113, 6.9.2. */
export const WINDOW_DEFAULT = 65_535
export const TABLE_BYTES_DEFAULT = 4_096
/** RFC 9113, 3.4. */
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

const NAMES = Object.entries(CODE)

/** For people: `PROTOCOL_ERROR`. */
export function codeName(code: number): string {
  const name = NAMES.find(([, value]) => value === code)?.[0] ?? `code ${code}`
  return name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
}

/** A fault that ends the connection (RFC 9113, 5.4.1). `detail` is for logs. */
export interface ConnectionFault {
  readonly code: number
  readonly detail: string
}

/** Writes a frame's header and returns where its payload begins. */
export function writeFrameHeader(
  into: Buffer,
  at: number,
  bytes: number,
  type: number,
  flags: number,
  stream: number,
): number {
  into[at] = bytes >>> 16
  into[at + 1] = bytes >>> 8
  into[at + 2] = bytes
  into[at + 3] = type
  into[at + 4] = flags
  return writeUint32(into, at + 5, stream)
}

/** Returns what comes behind it. */
export function writeUint32(into: Buffer, at: number, value: number): number {
  into[at] = value >>> 24
  into[at + 1] = value >>> 16
  into[at + 2] = value >>> 8
  into[at + 3] = value
  return at + 4
}

export function readUint32(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
