const HANDSHAKE = 0x16
const CLIENT_HELLO = 1
/** Record header and handshake header (RFC 8446, 5.1 and 4). */
const HEADERS_BYTES = 9
/** The version, and what is random. */
const FIXED_BYTES = 34
const SERVER_NAME = 0
const HOST_NAME = 0
const HOST_NAME_PATTERN = /^[a-zA-Z0-9_.-]{1,253}$/

/**
 * The host that a TLS client asks for (RFC 6066, 3), if the first record of its ClientHello is there, and names one. For people and logs alone: nobody has proved
 * anything yet.
 */
export function serverNameOf(bytes: Buffer): string | undefined {
  if (bytes[0] !== HANDSHAKE || bytes[5] !== CLIENT_HELLO) return undefined
  const extensions = extensionsAt(bytes)
  if (extensions === undefined) return undefined
  const end = extensions + 2 + at16(bytes, extensions)
  for (let at = extensions + 2; at + 4 <= Math.min(end, bytes.length); at += 4 + at16(bytes, at + 2)) {
    if (at16(bytes, at) === SERVER_NAME) return hostName(bytes, at + 4)
  }
  return undefined
}

/** Behind session id, cipher suites and compression methods, each with its length before it. */
function extensionsAt(bytes: Buffer): number | undefined {
  let at = HEADERS_BYTES + FIXED_BYTES
  at += 1 + (bytes[at] ?? 0)
  at += 2 + at16(bytes, at)
  at += 1 + (bytes[at] ?? 0)
  return at + 2 <= bytes.length ? at : undefined
}

/** A list of one, as there is only one kind of name. */
function hostName(bytes: Buffer, list: number): string | undefined {
  const start = list + 5
  const end = start + at16(bytes, list + 3)
  if (bytes[list + 2] !== HOST_NAME || end > bytes.length) return undefined
  const name = bytes.toString('latin1', start, end)
  return HOST_NAME_PATTERN.test(name) ? name : undefined
}

function at16(bytes: Buffer, at: number): number {
  return at + 2 <= bytes.length ? bytes.readUInt16BE(at) : 0
}
