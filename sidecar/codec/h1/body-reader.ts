import { HEAD_BYTES_MAX, HEAD_FIELDS_MAX, latin1 } from '../../../common/mod.ts'
import { type BodyFraming, cleanTrailers, Headers, isTokenByte, isValueByte } from '../../http/mod.ts'
import { type H1Problem, problem } from './problem.ts'

const CR = 13
const LF = 10
const SEMICOLON = 59
const COLON = 58
const EQUALS = 61
const QUOTE = 34
const BACKSLASH = 92

/** A chunk's size in hexadecimal: 2^52 is more than anybody sends. */
const CHUNK_DIGITS_MAX = 13
/** Chunk extensions mean nothing to us, and have hidden attacks (RFC 9112, 7.1.1 allows a limit). */
const CHUNK_EXTENSION_BYTES_MAX = 256

export interface BodyEvents {
  /** A piece of the body, no longer than what came in, valid until the call returns. */
  onBodyData(chunk: Buffer): void
}

/** What the chunk decoder waits for next. */
type ChunkState =
  | 'size'
  | 'extension-name'
  | 'extension-value'
  | 'extension-quoted'
  | 'extension-escaped'
  | 'extension-end'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer-start'
  | 'trailer-name'
  | 'trailer-value'
  | 'trailer-lf'
  | 'end-lf'

/**
 * Takes a body's bytes and gives its pieces, for all framings (RFC 9112, 6 and 7.1). One reader serves one connection, body after body.
 * Trailer fields are kept apart: nothing that came after the head is ever merged into it.
 */
export class BodyReader {
  problem: H1Problem | undefined = undefined
  /** The body is whole. */
  done = true
  private readonly events: BodyEvents
  private kind: BodyFraming['kind'] = 'none'
  private left = 0
  private chunk: ChunkState = 'size'
  private digits = 0
  private lineBytes = 0
  /** Bytes of a chunk extension's name or value so far. */
  private partBytes = 0
  private trailerBytes = 0
  private trailerFields = 0
  /** Whole trailer lines, and the beginning of one. */
  private trailerText = ''

  constructor(events: BodyEvents) {
    this.events = events
  }

  begin(framing: BodyFraming): void {
    this.kind = framing.kind
    this.problem = undefined
    this.done = framing.kind === 'none'
    this.left = framing.kind === 'length' ? framing.length : 0
    this.chunk = 'size'
    this.digits = 0
    this.lineBytes = 0
    this.trailerBytes = 0
    this.trailerFields = 0
    this.trailerText = ''
  }

  /** The trailers of a body that is whole, without what belongs to a head (RFC 9110, 6.5.1). They are given once. */
  takeTrailers(): Headers | undefined {
    const { trailerText } = this
    if (trailerText === '') return undefined
    this.trailerText = ''
    const trailers = Headers.empty()
    for (const line of trailerText.split('\r\n')) {
      const colon = line.indexOf(':')
      if (colon !== -1) trailers.add(line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''))
    }
    return cleanTrailers(trailers).fieldsMax === 0 ? undefined : trailers
  }

  /** Reads from `from` on. Returns the index of the first byte that isn't the body's, or -1 when it is refused (see `problem`). */
  read(bytes: Buffer, from: number): number {
    switch (this.kind) {
      case 'none':
        return from
      case 'length':
        return this.readLength(bytes, from)
      case 'until-close':
        if (from < bytes.length) this.events.onBodyData(from === 0 ? bytes : bytes.subarray(from))
        return bytes.length
      case 'chunked':
        return this.readChunked(bytes, from)
    }
  }

  /** The connection has ended. Whether that is the body's proper end. */
  connectionEnded(): boolean {
    if (this.done) return true
    if (this.kind !== 'until-close') return false
    this.done = true
    return true
  }

  private readLength(bytes: Buffer, from: number): number {
    const available = bytes.length - from
    const take = Math.min(available, this.left)
    const to = from + take
    this.left -= take
    if (this.left === 0) this.done = true
    if (take > 0) this.events.onBodyData(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to))
    return to
  }

  /** A state machine in one piece: it runs over every byte between chunks, and data passes through whole. */
  private readChunked(bytes: Buffer, from: number): number {
    let i = from
    // Where the part of a trailer line begins that is in these bytes.
    let line = from
    while (i < bytes.length) {
      if (this.chunk === 'data') {
        const take = Math.min(this.left, bytes.length - i)
        this.left -= take
        if (this.left === 0) this.chunk = 'data-cr'
        this.events.onBodyData(bytes.subarray(i, i + take))
        i += take
        continue
      }
      const c = bytes[i++]!
      switch (this.chunk) {
        case 'size': {
          const digit = hexDigit(c)
          if (digit !== -1) {
            if (++this.digits > CHUNK_DIGITS_MAX) return this.refuse('a chunk size that is too large')
            this.left = this.left * 16 + digit
          } else if (this.digits === 0) return this.refuse('a chunk without a size')
          else if (c === CR) this.chunk = 'size-lf'
          else if (c === SEMICOLON) this.extension('extension-name')
          else return this.refuse('a malformed chunk size')
          break
        }
        // Nobody needs extensions, and they are not handed on; but a reader that takes them for other than they are may see other lines.
        case 'extension-name':
          if (this.tooLong()) return this.refuse('a chunk extension that is too long')
          if (isTokenByte(c)) this.partBytes++
          else if (this.partBytes === 0) return this.refuse('a malformed chunk extension')
          else if (c === CR) this.chunk = 'size-lf'
          else if (c === SEMICOLON) this.extension('extension-name')
          else if (c === EQUALS) this.extension('extension-value')
          else return this.refuse('a malformed chunk extension')
          break
        case 'extension-value':
          if (this.tooLong()) return this.refuse('a chunk extension that is too long')
          if (isTokenByte(c)) this.partBytes++
          else if (c === QUOTE && this.partBytes === 0) this.chunk = 'extension-quoted'
          else if (this.partBytes === 0) return this.refuse('a malformed chunk extension')
          else if (c === CR) this.chunk = 'size-lf'
          else if (c === SEMICOLON) this.extension('extension-name')
          else return this.refuse('a malformed chunk extension')
          break
        case 'extension-quoted':
        case 'extension-escaped':
          if (this.tooLong()) return this.refuse('a chunk extension that is too long')
          if (!isValueByte(c)) return this.refuse('a control character in a chunk extension')
          if (this.chunk === 'extension-escaped') this.chunk = 'extension-quoted'
          else if (c === BACKSLASH) this.chunk = 'extension-escaped'
          else if (c === QUOTE) this.chunk = 'extension-end'
          break
        case 'extension-end':
          if (c === CR) this.chunk = 'size-lf'
          else if (c === SEMICOLON) this.extension('extension-name')
          else return this.refuse('a malformed chunk extension')
          break
        case 'size-lf':
          if (c !== LF) return this.refuse('a CR without LF in a chunk line')
          this.lineBytes = 0
          this.digits = 0
          this.chunk = this.left === 0 ? 'trailer-start' : 'data'
          break
        case 'data-cr':
          if (c !== CR) return this.refuse('a chunk that is longer than its size')
          this.chunk = 'data-lf'
          break
        case 'data-lf':
          if (c !== LF) return this.refuse('a CR without LF after a chunk')
          this.chunk = 'size'
          break
        case 'trailer-start':
          if (c === CR) {
            this.chunk = 'end-lf'
            break
          }
          if (++this.trailerFields > HEAD_FIELDS_MAX) return this.refuse('too many trailer fields')
          line = i - 1
          this.chunk = 'trailer-name'
          if (c < 32) return this.refuse('a control character in a trailer')
          // As in heads: no folded lines, and no line without a name.
          if (!isTokenByte(c)) return this.refuse('a malformed trailer')
          break
        case 'trailer-name':
          if (++this.trailerBytes > HEAD_BYTES_MAX) return this.refuse('trailers that are too large')
          if (c === COLON) this.chunk = 'trailer-value'
          else if (!isTokenByte(c)) return this.refuse('a malformed trailer')
          break
        case 'trailer-value':
          if (++this.trailerBytes > HEAD_BYTES_MAX) return this.refuse('trailers that are too large')
          if (c === CR) this.chunk = 'trailer-lf'
          else if (!isValueByte(c)) return this.refuse('a control character in a trailer')
          break
        case 'trailer-lf':
          if (c !== LF) return this.refuse('a CR without LF in a trailer')
          this.chunk = 'trailer-start'
          this.trailerText += latin1(bytes, line, i)
          break
        case 'end-lf':
          if (c !== LF) return this.refuse('a CR without LF at the end of a body')
          this.done = true
          return i
      }
    }
    if (inTrailer(this.chunk)) this.trailerText += latin1(bytes, line, i)
    return i
  }

  /** The next part of a chunk extension begins (RFC 9112, 7.1.1). Whitespace around it is obsolete, and refused. */
  private extension(part: 'extension-name' | 'extension-value'): void {
    this.chunk = part
    this.partBytes = 0
  }

  /** Counts a byte of a chunk line's extensions. */
  private tooLong(): boolean {
    return ++this.lineBytes > CHUNK_EXTENSION_BYTES_MAX
  }

  private refuse(detail: string): number {
    this.problem = problem(400, detail)
    return -1
  }
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48
  const lower = c | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

function inTrailer(state: ChunkState): boolean {
  return state === 'trailer-name' || state === 'trailer-value' || state === 'trailer-lf'
}
