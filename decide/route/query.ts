import { matchesWhole } from './pattern.ts'
import type { PreparedQuery } from './prepared.ts'

// A query is compared where it lies, byte by byte as it would be decoded: hostile escapes cost neither exceptions nor
// memory.

const AMPERSAND = 0x26
const EQUALS = 0x3d
const PERCENT = 0x25
const PLUS = 0x2b
const SPACE = 0x20
const BAD_ESCAPE = -1

/**
 * Whether the first parameter of the wanted name has the wanted value. Parameters are read as
 * `application/x-www-form-urlencoded` (WHATWG URL, 5.1): `&` between pairs, `+` is a space, names and values
 * percent-decoded once. One with a broken escape is not the wanted one.
 */
export function queryMatches(wanted: PreparedQuery, query: string): boolean {
  let start = 0
  while (start < query.length) {
    let equals = -1
    let end = start
    for (; end < query.length; end++) {
      const code = query.charCodeAt(end)
      if (code === AMPERSAND) break
      if (code === EQUALS && equals === -1) equals = end
    }
    const nameEnd = equals === -1 ? end : equals
    if (nameEnd > start && decodesTo(query, start, nameEnd, wanted.name)) {
      return valueMatches(wanted, query, Math.min(nameEnd + 1, end), end)
    }
    start = end + 1
  }
  return false
}

function valueMatches(wanted: PreparedQuery, query: string, start: number, end: number): boolean {
  if (wanted.exact !== undefined) return decodesTo(query, start, end, wanted.exact)
  const value = decodeBytes(query, start, end)
  return value !== undefined && wanted.regex !== undefined && matchesWhole(wanted.regex, value)
}

function decodesTo(query: string, start: number, end: number, bytes: Uint8Array): boolean {
  let from = start
  for (let i = 0; i < bytes.length; i++) {
    if (from >= end || byteAt(query, from, end) !== bytes[i]) return false
    from += query.charCodeAt(from) === PERCENT ? 3 : 1
  }
  return from === end
}

/** One character for each byte; `undefined` where an escape is broken. */
function decodeBytes(query: string, start: number, end: number): string | undefined {
  let text = ''
  for (let from = start; from < end; ) {
    const byte = byteAt(query, from, end)
    if (byte === BAD_ESCAPE) return undefined
    text += String.fromCharCode(byte)
    from += query.charCodeAt(from) === PERCENT ? 3 : 1
  }
  return text
}

function byteAt(query: string, from: number, end: number): number {
  const code = query.charCodeAt(from)
  if (code === PLUS) return SPACE
  if (code !== PERCENT) return code
  if (from + 2 >= end) return BAD_ESCAPE
  const high = hexDigit(query.charCodeAt(from + 1))
  const low = hexDigit(query.charCodeAt(from + 2))
  return high === BAD_ESCAPE || low === BAD_ESCAPE ? BAD_ESCAPE : high * 16 + low
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : BAD_ESCAPE
}
