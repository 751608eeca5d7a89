/** What a caller's first bytes say. `undecided`: more bytes are wanted. */
export type Detected = 'http1' | 'http2' | 'tls' | 'opaque' | 'undecided'

/** RFC 9113, 3.4. No HTTP/1.1 method is called so: its front is enough. */
const PREFACE = Buffer.from('PRI * ')
const SCHEMES = [Buffer.from('http://'), Buffer.from('https://')] as const
const CONNECT = Buffer.from('CONNECT ')
/** The longest method of the IANA registry has 17 letters. */
const METHOD_BYTES_MAX = 32
const TLS_HANDSHAKE = 0x16
const SPACE = 0x20
const SLASH = 0x2f
const ASTERISK = 0x2a

/**
 * Ends at the first byte that decides, at the latest with the 43rd. A request line begins with a method, a space, and a target that looks like one (RFC 9112,
 * 3.2): other protocols of text begin with a word and a space as well (`EHLO there`, `get key`).
 */
export function detect(bytes: Uint8Array): Detected {
  if (bytes.length === 0) return 'undecided'
  if (bytes[0] === TLS_HANDSHAKE) return 'tls'
  if (startsAlike(bytes, 0, PREFACE)) return bytes.length >= PREFACE.length ? 'http2' : 'undecided'
  // A client may send one empty line before its request (RFC 9112, 2.2).
  const start = emptyLine(bytes)
  for (let i = start; i < bytes.length; i++) {
    const c = bytes[i]!
    if (c === SPACE) return i === start ? 'opaque' : targetAt(bytes, start, i + 1)
    // Letters, hyphen, underscore: what registered and home-made methods consist of.
    const letter = (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 45 || c === 95
    if (!letter || i - start >= METHOD_BYTES_MAX) return 'opaque'
  }
  return 'undecided'
}

/** As `detect`, where nothing but HTTP is served: what is not HTTP/2 is left to the one who reads requests. */
export function detectHttp(bytes: Uint8Array): 'http1' | 'http2' | 'undecided' {
  if (!startsAlike(bytes, 0, PREFACE)) return 'http1'
  return bytes.length >= PREFACE.length ? 'http2' : 'undecided'
}

function emptyLine(bytes: Uint8Array): number {
  if (bytes[0] === 10) return 1
  if (bytes[0] !== 13) return 0
  return bytes.length === 1 || bytes[1] === 10 ? 2 : 0
}

/** Origin-form, asterisk-form, absolute-form; behind CONNECT, whatever names a host. */
function targetAt(bytes: Uint8Array, start: number, at: number): Detected {
  if (at === bytes.length) return 'undecided'
  const first = bytes[at]
  if (first === SLASH || first === ASTERISK) return 'http1'
  if (at - start === CONNECT.length && startsAlike(bytes.subarray(start, at), 0, CONNECT)) return 'http1'
  for (const scheme of SCHEMES) {
    if (startsAlike(bytes, at, scheme)) return bytes.length - at >= scheme.length ? 'http1' : 'undecided'
  }
  return 'opaque'
}

/** Whether what is there from `at` on is the front of `text`, or `text` the front of it. */
function startsAlike(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  const length = Math.min(bytes.length - at, text.length)
  for (let i = 0; i < length; i++) if (bytes[at + i] !== text[i]) return false
  return true
}
