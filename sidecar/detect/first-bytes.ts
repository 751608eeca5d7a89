/** What a connection's first bytes say. `undecided`: more bytes are wanted. */
export type Detected = 'http1' | 'http2' | 'tls' | 'opaque' | 'undecided'

/** RFC 9113, 3.4. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** The longest method of the IANA registry has 17 letters. A space after a token of letters is enough to decide. */
const METHOD_BYTES_MAX = 32
const TLS_HANDSHAKE = 0x16

/** Ends at the first byte that decides. */
export function detect(bytes: Uint8Array): Detected {
  if (bytes.length === 0) return 'undecided'
  if (bytes[0] === TLS_HANDSHAKE) return 'tls'
  if (startsLikePreface(bytes)) return bytes.length >= 6 ? 'http2' : 'undecided'
  for (let i = 0; i < bytes.length && i <= METHOD_BYTES_MAX; i++) {
    const c = bytes[i]!
    if (c === 0x20) return i === 0 ? 'opaque' : 'http1'
    // Letters, hyphen, underscore: what registered and home-made methods consist of.
    const letter = (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 45 || c === 95
    // A client may send one empty line before its request.
    if (!letter && !(i < 2 && (c === 13 || c === 10))) return 'opaque'
  }
  return bytes.length > METHOD_BYTES_MAX ? 'opaque' : 'undecided'
}

/** `PRI * ` is enough: no HTTP/1.1 method is called so. */
function startsLikePreface(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, 6)
  for (let i = 0; i < length; i++) if (bytes[i] !== PREFACE[i]) return false
  return true
}
