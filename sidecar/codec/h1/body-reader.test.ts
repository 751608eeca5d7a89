import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HEAD_BYTES_MAX, HEAD_FIELDS_MAX } from '../../../common/mod.ts'
import type { BodyFraming } from '../../http/mod.ts'
import { BodyReader, CHUNK_END, chunkStart, lastChunk } from './mod.ts'

interface Read {
  readonly body: string
  readonly whole: boolean
  readonly problem: string | undefined
  /** What was left to whoever reads next. */
  readonly rest: string
}

/** Reads as a session does: piece after piece, until the body ends or is refused. */
function readBody(framing: BodyFraming, text: string, cuts: readonly number[] = [], closed = false): Read {
  const pieces: Buffer[] = []
  const reader = new BodyReader({ onBodyData: piece => void pieces.push(piece) })
  reader.begin(framing)
  const bytes = Buffer.from(text, 'latin1')
  let from = 0
  for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
    if (reader.done || reader.problem !== undefined) break
    const after = reader.read(bytes.subarray(0, cut), from)
    from = after === -1 ? bytes.length : after
  }
  if (closed) reader.connectionEnded()
  const body = Buffer.concat(pieces).toString('latin1')
  return { body, whole: reader.done, problem: reader.problem?.detail, rest: bytes.toString('latin1', from) }
}

const CHUNKED: BodyFraming = { kind: 'chunked' }
const chunked = (text: string) => readBody(CHUNKED, text)

describe('a body of known length', () => {
  test('ends exactly there, and leaves what follows', () => {
    const read = readBody({ kind: 'length', length: 5 }, 'helloGET / HTTP/1.1')
    expect(read).toEqual({ body: 'hello', whole: true, problem: undefined, rest: 'GET / HTTP/1.1' })
  })

  test('that breaks off has no end', () => {
    expect(readBody({ kind: 'length', length: 5 }, 'hell', [], true).whole).toBe(false)
  })

  test('of none takes nothing', () => {
    expect(readBody({ kind: 'none' }, 'GET')).toEqual({ body: '', whole: true, problem: undefined, rest: 'GET' })
  })
})

test('a body until the close ends with the connection, once', () => {
  expect(readBody({ kind: 'until-close' }, 'all of it', [3], true)).toMatchObject({ body: 'all of it', whole: true })
  expect(readBody({ kind: 'until-close' }, 'all of it', [3])).toMatchObject({ body: 'all of it', whole: false })
})

describe('a chunked body', () => {
  test.each([
    ['0\r\n\r\n', ''],
    ['00000\r\n\r\n', ''],
    ['5\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['A\r\n0123456789\r\n0\r\n\r\n', '0123456789'],
    ['a\r\n0123456789\r\n0\r\n\r\n', '0123456789'],
    ['1\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n', '\r\n'],
    ['0000000000005\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['5;a=b;c="d;e"\r\nhello\r\n0;x\r\n\r\n', 'hello'],
  ])('%j', (text, body) => {
    expect(chunked(text)).toEqual({ body, whole: true, problem: undefined, rest: '' })
  })

  test.each([
    ['[H1-7] 0x before a size', '0x1\r\na\r\n0\r\n\r\n'],
    ['[H1-7] a space before a size', ' 1\r\na\r\n0\r\n\r\n'],
    ['[H1-7] a space behind a size', '1 \r\na\r\n0\r\n\r\n'],
    ['[H1-7] a tab behind a size', '1\t\r\na\r\n0\r\n\r\n'],
    ['[H1-7] a plus', '+1\r\na\r\n0\r\n\r\n'],
    ['[H1-7] a minus', '-1\r\na\r\n0\r\n\r\n'],
    ['[H1-7] an underscore', '1_0\r\na'],
    ['[H1-7] a size beyond 2^52', '10000000000000\r\n'],
    ['[H1-7] a size beyond 2^64', 'fffffffffffffffff\r\n'],
    ['[H1-7] zeros without end', '00000000000001\r\na\r\n0\r\n\r\n'],
    ['[H1-7] no size', '\r\nhello'],
    ['[H1-7] an extension without a size', ';a\r\n'],
    ['[H1-7] no hexadecimal', 'g\r\n'],
    ['[H1-7] a byte that would be a digit without its highest bit', '\xb1\r\na\r\n0\r\n\r\n'],
    ['[H1-8] LF ends a size', '1\na\r\n0\r\n\r\n'],
    ['[H1-8] CR alone ends a size', '1\ra\r\n0\r\n\r\n'],
    ['[H1-8] two CRs end a size', '1\r\r\na\r\n0\r\n\r\n'],
    ['[H1-8] LF ends an extension', '1;a\na\r\n0\r\n\r\n'],
    ['[H1-8] CR in an extension', '1;a\rb\r\na\r\n0\r\n\r\n'],
    ['[H1-8] NUL in an extension', '1;\0\r\na\r\n0\r\n\r\n'],
    ['[H1-8] CRLF within the quotes of an extension', '1;a="\r\n"\r\na\r\n0\r\n\r\n'],
    ['[H1-8] CRLF behind a backslash in an extension', '1;a="\\\r\n"\r\na\r\n0\r\n\r\n'],
    ['an extension without a name', '1;\r\na\r\n0\r\n\r\n'],
    ['an extension whose value is missing', '1;a=\r\na\r\n0\r\n\r\n'],
    ['a space in an extension', '1;a b\r\na\r\n0\r\n\r\n'],
    ['something behind a quoted extension', '1;a="b"c\r\na\r\n0\r\n\r\n'],
    ['a quote within an extension', '1;a=b"c"\r\na\r\n0\r\n\r\n'],
    ['[H1-8] a trailer without a colon', '0\r\nX\r\n\r\n'],
    ['[H1-8] a trailer with a space before its colon', '0\r\nX : y\r\n\r\n'],
    ['[H1-8] DEL in a trailer', '0\r\nX: \x7f\r\n\r\n'],
    ['[H1-8] no CRLF behind the data', '1\r\na0\r\n\r\n'],
    ['[H1-8] LF behind the data', '1\r\na\n0\r\n\r\n'],
    ['[H1-8] CR alone behind the data', '1\r\na\r0\r\n\r\n'],
    ['[H1-8] more data than the size says', '1\r\nab\r\n0\r\n\r\n'],
    ['[H1-8] LF ends the last chunk', '0\n\r\n'],
    ['[H1-8] LF ends the body', '0\r\n\n'],
    ['[H1-8] CR and another byte end the body', '0\r\n\rX'],
    ['[H1-8] LF ends a trailer', '0\r\nX: y\n\r\n'],
    ['[H1-8] CR alone in a trailer', '0\r\nX: y\rz\r\n\r\n'],
    ['[H1-8] NUL in a trailer', '0\r\nX: \0\r\n\r\n'],
    ['[H1-8] a trailer that is folded', '0\r\nX: y\r\n z\r\n\r\n'],
    ['[H1-8] a trailer without a name', '0\r\n: y\r\n\r\n'],
    ['[H1-9] an extension of 20 KB', `1;${'x'.repeat(20_000)}\r\na\r\n0\r\n\r\n`],
    ['trailers of more than 64 KiB', `0\r\nX: ${'y'.repeat(HEAD_BYTES_MAX)}\r\n\r\n`],
    ['too many trailers', `0\r\n${'X: y\r\n'.repeat(HEAD_FIELDS_MAX + 1)}\r\n`],
  ])('%s: refused, and no end', (_what, text) => {
    const read = chunked(text)
    expect(read.problem).toBeDefined()
    expect(read.whole).toBe(false)
  })

  test('[H1-10] trailers that belong to a head are dropped, and the others kept apart, wherever the bytes are cut', () => {
    const dropped = 'Content-Length: 9\r\nHost: evil\r\nAuthorization: x\r\nTransfer-Encoding: chunked\r\n'
    const text = `1\r\na\r\n0\r\nX-Sum: \t1 2 \r\n${dropped}Grpc-Status:0\r\nX-Empty:\r\n\r\n`
    for (let cut = 0; cut <= text.length; cut++) {
      const reader = new BodyReader({ onBodyData: () => undefined })
      reader.begin(CHUNKED)
      const bytes = Buffer.from(`${text}GET`, 'latin1')
      const after = cut === 0 ? 0 : reader.read(bytes.subarray(0, cut), 0)
      expect(after).toBe(cut)
      if (!reader.done) expect(reader.read(bytes.subarray(after), 0)).toBe(text.length - after)
      expect(reader).toMatchObject({ done: true, problem: undefined })
      expect(reader.takeTrailers()?.toText()).toBe('X-Sum: 1 2\r\nGrpc-Status: 0\r\nX-Empty: \r\n')
      expect(reader.takeTrailers()).toBeUndefined()
    }
  })

  test("[H1-10] where nothing else is there, there are no trailers; and none of one body are the next one's", () => {
    const reader = new BodyReader({ onBodyData: () => undefined })
    for (const [text, trailers] of [
      ['0\r\nX: y\r\n\r\n', undefined],
      ['0\r\nHost: evil\r\n\r\n', undefined],
      ['0\r\n\r\n', undefined],
    ] as const) {
      reader.begin(CHUNKED)
      reader.read(Buffer.from(text), 0)
      if (!text.includes('X: y')) expect(reader.takeTrailers()).toBe(trailers)
    }
  })

  test('that breaks off has no end, wherever', () => {
    const text = '5\r\nhello\r\n0\r\nX: y\r\n\r\n'
    for (let length = 0; length < text.length; length++)
      expect(readBody(CHUNKED, text.slice(0, length), [], true)).toMatchObject({ whole: false, problem: undefined })
  })

  test('one reader reads body after body', () => {
    const got: string[] = []
    const reader = new BodyReader({ onBodyData: piece => void got.push(piece.toString('latin1')) })
    for (const text of ['2;x\r\nab\r\n0\r\nT: 1\r\n\r\n', '3\r\nabc\r\n0\r\n\r\n']) {
      reader.begin(CHUNKED)
      expect(reader.read(Buffer.from(text), 0)).toBe(text.length)
      expect(reader.done).toBe(true)
    }
    expect(got).toEqual(['ab', 'abc'])
  })
})

const cutsOf = fc.array(fc.nat(400), { maxLength: 20 })
const latin1 = fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes).toString('latin1'))

describe('however the bytes are cut', () => {
  test('chunks come back as they were written, and what follows is left alone', () => {
    fc.assert(
      fc.property(
        fc.array(
          latin1.filter(piece => piece !== ''),
          { maxLength: 6 },
        ),
        latin1,
        cutsOf,
        (pieces, rest, cuts) => {
          const wire = pieces.map(piece => chunkStart(piece.length) + piece + CHUNK_END).join('') + lastChunk(undefined)
          const within = cuts.filter(cut => cut <= wire.length)
          expect(readBody(CHUNKED, wire + rest, within)).toEqual({
            body: pieces.join(''),
            whole: true,
            problem: undefined,
            rest,
          })
        },
      ),
    )
  })

  test('a body of known length does', () => {
    fc.assert(
      fc.property(
        latin1.filter(body => body !== ''),
        latin1,
        cutsOf,
        (body, rest, cuts) => {
          const framing: BodyFraming = { kind: 'length', length: body.length }
          expect(readBody(framing, body + rest, cuts)).toEqual({ body, whole: true, problem: undefined, rest })
        },
      ),
    )
  })

  const hostile = fc
    .array(fc.constantFrom('0', '1', 'a', '5', ';', ' ', '\r', '\n', '\r\n', 'x', '\0', 'hello', '0\r\n\r\n'), {
      maxLength: 40,
    })
    .map(parts => parts.join(''))

  test('hostile bytes are judged alike, and nothing throws', () => {
    fc.assert(
      fc.property(fc.oneof(hostile, latin1), cutsOf, (text, cuts) => {
        expect(readBody(CHUNKED, text, cuts)).toEqual(chunked(text))
      }),
      { numRuns: 2_000 },
    )
  })
})
