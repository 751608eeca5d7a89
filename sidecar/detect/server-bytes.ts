const HTTP1 = Buffer.from('HTTP/1.')
/** RFC 9113, 6.5: the type of a SETTINGS frame, and how long each of its settings is. */
const SETTINGS_TYPE = 4
const SETTING_BYTES = 6
const FRAME_HEADER_BYTES = 9
/** No server sends more settings in its first frame; RFC 9113 and its extensions know nine. */
const SETTINGS_MAX = 32

/**
 * What a server's first bytes say that came before any of its client: HTTP servers do so too. One of HTTP/2 sends its SETTINGS at once (RFC 9113, 3.4),
 * one of HTTP/1.1 a 408 to who has connected and asked for nothing.
 */
export function serverSpeaks(bytes: Uint8Array): 'http' | 'opaque' {
  return startsAnswer(bytes) || isSettings(bytes) ? 'http' : 'opaque'
}

function startsAnswer(bytes: Uint8Array): boolean {
  if (bytes.length < HTTP1.length) return false
  for (let i = 0; i < HTTP1.length; i++) if (bytes[i] !== HTTP1[i]) return false
  return true
}

/** A SETTINGS frame without flags, on stream 0. */
function isSettings(bytes: Uint8Array): boolean {
  if (bytes.length < FRAME_HEADER_BYTES || bytes[0] !== 0) return false
  const length = (bytes[1]! << 8) | bytes[2]!
  if (length % SETTING_BYTES !== 0 || length > SETTINGS_MAX * SETTING_BYTES) return false
  return (
    bytes[3] === SETTINGS_TYPE && bytes[4] === 0 && bytes[5] === 0 && bytes[6] === 0 && bytes[7] === 0 && bytes[8] === 0
  )
}
