import { HEAD_BYTES_MAX, HEAD_FIELDS_MAX, TARGET_BYTES_MAX } from '../../../common/mod.ts'
import { TOKEN_BYTES, VALUE_BYTES } from '../../http/mod.ts'
import { type H1Problem, problem } from './problem.ts'

/** As the preface of HTTP/2 begins (RFC 9113, 3.4), when it is broken; a request's target, or its version, would have a slash. */
const THREE_WORDS = /^[A-Z]+ [^ /]+ [^ /]+$/
/** Broken or not, it is a short line. */
const PREFACE_BYTES_MAX = 64
const CR = 13
const LF = 10
const COLON = 58
const SP = 32
const HTAB = 9

/** The longest start line: a target of TARGET_BYTES_MAX, and room for the method and the version. */
const START_LINE_BYTES_MAX = TARGET_BYTES_MAX + 64

export const NEED_MORE = -1
export const REFUSED = -2

/**
 * Finds the end of one head (RFC 9112, section 2.1), byte by byte and each byte once, however the bytes are cut; on the way it
 * checks names and values, notes where they are, and collects what framing depends on. It is one long state machine on purpose:
 * it runs for every request and every answer, and what it keeps between calls is three numbers.
 *
 * Stricter than the RFC allows: no bare LF, no obs-fold, no space before a colon.
 */
export class HeadScanner {
  /** Line start, name end, value start, value end of each field, counted from the head's first byte. */
  marks: number[] = []
  /** The end of the start line, without CRLF; 0 while it isn't known. */
  startLineEnd = 0
  /** Where the field lines begin and end. */
  fieldsStart = 0
  fieldsEnd = 0
  problem: H1Problem = problem(400, 'no problem')

  // What the known fields say. The fields that belong to this hop alone are marked as gone.
  gaps = false
  hosts = 0
  /** Index into `marks`. */
  hostMark = -1
  contentLengths = 0
  contentLengthMark = -1
  transferEncodings = 0
  transferEncodingMark = -1
  connectionMark = -1
  connections = 0
  keepAliveMark = -1
  expectMark = -1
  expects = 0
  upgrades = 0
  upgradeMark = -1
  traceparentMark = -1
  traceparents = 0
  meshFields = false

  /** The last Host that was found well-formed on this connection: callers send the same one with every request. */
  knownHost = ''

  private position = 0
  private lineStart = 0
  /** An empty line before a request's first is ignored once (RFC 9112, 2.2). */
  private skipped = 0

  reset(): void {
    this.marks = []
    this.startLineEnd = 0
    this.fieldsStart = 0
    this.fieldsEnd = 0
    this.gaps = false
    this.hosts = 0
    this.hostMark = -1
    this.contentLengths = 0
    this.contentLengthMark = -1
    this.transferEncodings = 0
    this.transferEncodingMark = -1
    this.connectionMark = -1
    this.connections = 0
    this.keepAliveMark = -1
    this.expectMark = -1
    this.expects = 0
    this.upgrades = 0
    this.upgradeMark = -1
    this.traceparentMark = -1
    this.traceparents = 0
    this.meshFields = false
    this.position = 0
    this.lineStart = 0
    this.skipped = 0
  }

  /** How many bytes at the front are an ignored empty line. */
  get leading(): number {
    return this.skipped
  }

  /** Whether a byte of this head has been seen. */
  get begun(): boolean {
    return this.position > 0
  }

  /**
   * Goes on where the last call ended. `bytes[from]` is the head's first byte in every call.
   * Returns the index just after the head, NEED_MORE, or REFUSED (see `problem`).
   */
  scan(bytes: Uint8Array, from: number): number {
    let position = from + this.position
    // Nothing behind a limit is looked at, so that a head is judged alike however it was cut.
    let end = this.startLineEnd === 0 ? Math.min(bytes.length, from + START_LINE_BYTES_MAX) : headEnd(bytes, from)
    for (; position < end; position++) {
      while (position < end && VALUE_BYTES[bytes[position]!] === 1) position++
      if (position === end) break
      const c = bytes[position]!
      if (c !== CR) return this.refuse(400, c === LF ? 'a bare LF ends a line' : 'a control character in the head')
      if (position + 1 >= end) break
      if (bytes[position + 1] !== LF) return this.refuse(400, 'a CR without LF')
      const start = this.lineStart
      const length = position - from - start
      position++
      this.lineStart = position + 1 - from
      if (length === 0) {
        if (this.startLineEnd !== 0) {
          this.fieldsEnd = start
          return position + 1
        }
        if (this.skipped !== 0) return this.refuse(400, 'empty lines before the start line')
        this.skipped = 2
      } else if (this.startLineEnd === 0) {
        // What isn't HTTP at all (or is HTTP/0.9, which has no more lines) is told at its first line, not when it falls silent.
        const first = from + start
        if (!named(bytes, first, 'http/') && (length < 9 || !named(bytes, first + length - 8, 'http/'))) {
          if (!likePreface(bytes.subarray(first, first + length)))
            return this.refuse(400, 'not a start line of HTTP (HTTP/0.9 is not served)')
          this.problem = { status: 400, detail: 'neither HTTP/1.1 nor the preface of HTTP/2', unanswered: true }
          return REFUSED
        }
        this.startLineEnd = start + length
        this.fieldsStart = this.lineStart
        end = headEnd(bytes, from)
      } else if (!this.field(bytes, from, start, start + length)) return REFUSED
    }
    this.position = position - from
    if (this.startLineEnd === 0) {
      if (bytes.length - from >= START_LINE_BYTES_MAX) return this.refuse(414, 'the request line is too long')
    } else if (bytes.length - from >= HEAD_BYTES_MAX) return this.refuse(431, 'the head is too large')
    return NEED_MORE
  }

  private refuse(status: H1Problem['status'], detail: string): number {
    this.problem = problem(status, detail)
    return REFUSED
  }

  /** One line, `start` to `end`, counted from the head's first byte at `from`. */
  private field(bytes: Uint8Array, from: number, start: number, end: number): boolean {
    const { marks } = this
    if (marks.length >= HEAD_FIELDS_MAX * 4) return this.refuse(431, 'too many fields') !== REFUSED
    let colon = from + start
    const stop = from + end
    while (colon < stop && TOKEN_BYTES[bytes[colon]!] === 1) colon++
    if (colon === stop || bytes[colon] !== COLON || colon === from + start) {
      return this.refuse(400, 'a line that is not "name: value"') !== REFUSED
    }
    let valueStart = colon + 1
    while (valueStart < stop && (bytes[valueStart] === SP || bytes[valueStart] === HTAB)) valueStart++
    let valueEnd = stop
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--
    const mark = marks.length
    marks.push(start, colon - from, valueStart - from, valueEnd - from)
    this.note(bytes, from + start, colon - from - start, mark)
    return true
  }

  /** Notes the fields that the hop itself depends on. Told apart by length first: most fields leave after one comparison. */
  private note(bytes: Uint8Array, at: number, length: number, mark: number): void {
    switch (length) {
      case 2:
        if (named(bytes, at, 'te')) this.drop(mark)
        return
      case 4:
        if (named(bytes, at, 'host')) {
          this.hosts++
          this.hostMark = mark
        }
        return
      case 6:
        if (named(bytes, at, 'expect')) {
          this.expects++
          this.expectMark = mark
          this.drop(mark)
        }
        return
      case 7:
        if (named(bytes, at, 'upgrade')) {
          this.upgrades++
          this.upgradeMark = mark
          this.drop(mark)
        }
        return
      case 10:
        if (named(bytes, at, 'connection')) {
          this.connections++
          this.connectionMark = mark
          this.drop(mark)
        } else if (named(bytes, at, 'keep-alive')) {
          this.keepAliveMark = mark
          this.drop(mark)
        }
        return
      case 11:
        if (named(bytes, at, 'traceparent')) {
          this.traceparents++
          this.traceparentMark = mark
        }
        return
      case 14:
        if (named(bytes, at, 'content-length')) {
          this.contentLengths++
          this.contentLengthMark = mark
        }
        break
      case 16:
        if (named(bytes, at, 'proxy-connection')) this.drop(mark)
        break
      case 18:
        if (named(bytes, at, 'proxy-authenticate')) this.drop(mark)
        break
      case 19:
        // Meant for the proxy that a client was told to use, which is us: never a secret for anybody behind us.
        if (named(bytes, at, 'proxy-authorization')) this.drop(mark)
        break
      case 17:
        if (named(bytes, at, 'transfer-encoding')) {
          this.transferEncodings++
          this.transferEncodingMark = mark
          this.drop(mark)
        }
        break
    }
    if (length > MESH_PREFIX.length && isMeshName(bytes, at)) this.meshFields = true
  }

  /** Marks a field as gone; where its name ended is where its value's colon is, and nobody asks for it again. */
  private drop(mark: number): void {
    this.marks[mark + 1] = this.marks[mark]!
    this.gaps = true
  }
}

function headEnd(bytes: Uint8Array, from: number): number {
  return Math.min(bytes.length, from + HEAD_BYTES_MAX)
}

const MESH_PREFIX = 'x-selvedge-'

/** Gateways to CGI and WSGI make `X_Selvedge_Caller` and `X-Selvedge-Caller` one name, so an underscore counts as a hyphen. */
function isMeshName(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < MESH_PREFIX.length; i++) {
    const c = bytes[at + i]!
    if ((c >= 65 && c <= 90 ? c | 32 : c === 95 ? 45 : c) !== MESH_PREFIX.charCodeAt(i)) return false
  }
  return true
}

/** Whether the bytes at `at` are `lower`, without regard to case. Only for names of letters and hyphens. */
function named(bytes: Uint8Array, at: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const c = bytes[at + i]!
    if ((c >= 65 && c <= 90 ? c | 32 : c) !== lower.charCodeAt(i)) return false
  }
  return true
}

function likePreface(line: Uint8Array): boolean {
  return line.length <= PREFACE_BYTES_MAX && THREE_WORDS.test(String.fromCharCode(...line))
}
