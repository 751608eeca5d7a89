// Classes of bytes, as tables: one look-up a byte.

const TOKEN = 1
const VALUE = 2
const TARGET = 4
const HOST = 8

const classes = new Uint8Array(256)
for (let c = 0; c < 256; c++) {
  // RFC 9110, 5.5: visible characters, space, tab and obs-text.
  if (c === 0x09 || (c >= 0x20 && c !== 0x7f)) classes[c]! |= VALUE
  // RFC 9112, 3.2; a fragment never travels, and what is above 0x7F is passed on as real clients send it.
  if (c > 0x20 && c !== 0x7f && c !== 0x23) classes[c]! |= TARGET
}
for (const c of Buffer.from("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
  classes[c]! |= TOKEN
// RFC 3986, 3.2.2, without userinfo: reg-name, IPv4, [IPv6], port. No percent-encoding: no name of ours has it.
for (const c of Buffer.from('-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:[]'))
  classes[c]! |= HOST

/** 1 for each byte that may stand in a value (RFC 9110, 5.5): a table of its own, for the loop that sees every byte of a head. */
export const VALUE_BYTES = new Uint8Array(256)
/** 1 for each byte of a token (RFC 9110, 5.6.2). */
export const TOKEN_BYTES = new Uint8Array(256)
for (let c = 0; c < 256; c++) {
  VALUE_BYTES[c] = (classes[c]! & VALUE) === 0 ? 0 : 1
  TOKEN_BYTES[c] = (classes[c]! & TOKEN) === 0 ? 0 : 1
}

/** RFC 9110, 5.6.2. */
export function isTokenByte(c: number): boolean {
  return (classes[c]! & TOKEN) !== 0
}

export function isValueByte(c: number): boolean {
  return (classes[c]! & VALUE) !== 0
}

export function isTargetByte(c: number): boolean {
  return (classes[c]! & TARGET) !== 0
}

export function isHost(text: string): boolean {
  if (text.length === 0 || text.length > 255 + 6) return false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c > 255 || (classes[c]! & HOST) === 0) return false
  }
  return /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(:[0-9]{1,5})?$/.test(text)
}
