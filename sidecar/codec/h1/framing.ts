import { err, HEAD_FIELDS_MAX, ok, type Result } from '../../../common/mod.ts'
import { type BodyFraming, CHUNKED, NO_BODY } from '../../http/mod.ts'
import type { HeadScanner } from './head-scanner.ts'
import { type H1Problem, problem } from './problem.ts'

/** Above 2^53 a number is no longer exact; nothing of that size is a body. */
const LENGTH_DIGITS_MAX = 15

/** Well-formed, with `chunked` last, but more than we can decode. All else is ambiguous. */
const UNSUPPORTED_CODINGS = /^(?:(?:gzip|deflate|compress)[ \t]*,[ \t]*)+chunked$/i

/** What Content-Length and Transfer-Encoding say together (RFC 9112, 6.3); `undefined` when neither is there. Anything ambiguous is refused. */
export function framingOf(
  scanned: HeadScanner,
  text: string,
  minorVersion: 0 | 1,
): Result<BodyFraming | undefined, H1Problem> {
  if (scanned.transferEncodings > 0) {
    if (scanned.contentLengths > 0) return err(problem(400, 'Content-Length together with Transfer-Encoding'))
    if (minorVersion === 0) return err(problem(400, 'Transfer-Encoding in HTTP/1.0'))
    if (scanned.transferEncodings > 1) return err(problem(400, 'Transfer-Encoding twice'))
    const coding = valueAt(scanned, text, scanned.transferEncodingMark)
    if (coding.toLowerCase() !== 'chunked') {
      const status = UNSUPPORTED_CODINGS.test(coding) ? 501 : 400
      return err(problem(status, 'a Transfer-Encoding other than chunked'))
    }
    return ok(CHUNKED)
  }
  if (scanned.contentLengths === 0) return ok(undefined)
  if (scanned.contentLengths > 1) return err(problem(400, 'Content-Length twice'))
  const digits = valueAt(scanned, text, scanned.contentLengthMark)
  const length = wholeNumber(digits)
  if (length === undefined) return err(problem(400, 'Content-Length is not a whole number'))
  return ok(length === 0 ? NO_BODY : { kind: 'length', length })
}

export function valueAt(scanned: HeadScanner, text: string, mark: number): string {
  return text.slice(scanned.marks[mark + 2], scanned.marks[mark + 3])
}

function wholeNumber(digits: string): number | undefined {
  if (digits.length === 0 || digits.length > LENGTH_DIGITS_MAX) return undefined
  let value = 0
  for (let i = 0; i < digits.length; i++) {
    const d = digits.charCodeAt(i) - 48
    if (d < 0 || d > 9) return undefined
    value = value * 10 + d
  }
  return value
}

/** What the Connection field says: whether it asks to close, to keep alive, and which other fields it names. */
export interface ConnectionOptions {
  /** It names more fields than a head may have. */
  readonly excessive: boolean
  readonly close: boolean
  readonly keepAlive: boolean
  readonly upgrade: boolean
  /** Lower case; fields that belong to this hop alone. */
  readonly names: readonly string[]
}

const NO_OPTIONS: ConnectionOptions = { excessive: false, close: false, keepAlive: false, upgrade: false, names: [] }
const KEEP_ALIVE: ConnectionOptions = { excessive: false, close: false, keepAlive: true, upgrade: false, names: [] }
const CLOSE: ConnectionOptions = { excessive: false, close: true, keepAlive: false, upgrade: false, names: [] }

/** Fields that stay even when Connection names them: removing them would go round authentication or routing (RFC 9110, 7.6.1 allows no such field there). */
const NEVER_HOP_BY_HOP =
  /^(?:(?:host|authorization|cookie|content-length|content-type|traceparent|tracestate|x-request-id)$|x-forwarded-|x-selvedge-|grpc-)/

export function connectionOptions(scanned: HeadScanner, text: string): ConnectionOptions {
  if (scanned.connections === 0) return NO_OPTIONS
  const value =
    scanned.connections === 1 ? valueAt(scanned, text, scanned.connectionMark) : everyConnection(scanned, text)
  if (value === 'keep-alive' || value === 'Keep-Alive') return KEEP_ALIVE
  if (value === 'close') return CLOSE
  let close = false
  let keepAlive = false
  let upgrade = false
  const names: string[] = []
  for (const part of value.split(',')) {
    const option = part.trim().toLowerCase()
    if (option === 'close') close = true
    else if (option === 'keep-alive') keepAlive = true
    else if (option === 'upgrade') upgrade = true
    else if (option !== '' && !NEVER_HOP_BY_HOP.test(option)) names.push(option)
  }
  // Each name is looked for in every field: without a bound, one head could cost what thousands do.
  return { excessive: names.length > HEAD_FIELDS_MAX, close, keepAlive, upgrade, names }
}

/** Several Connection fields are one list. They are marked as gone already, so their names are told by where their values begin. */
function everyConnection(scanned: HeadScanner, text: string): string {
  const values: string[] = []
  for (let mark = 0; mark < scanned.marks.length; mark += 4) {
    const line = text.slice(scanned.marks[mark], scanned.marks[mark + 3])
    if (/^connection:/i.test(line)) values.push(valueAt(scanned, text, mark))
  }
  return values.join(',')
}
