import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fieldsOf, goodRequest, goodResponse, type Read, readRequest, readResponse } from './head.fixture.ts'
import { requestHeadText, responseHeadText } from './mod.ts'

const TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
const token = fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 20 })
const visible = Array.from({ length: 256 }, (_, c) => c).filter(c => c > 0x20 && c !== 0x7f)
const textOf = (codes: number[]) =>
  fc.string({ unit: fc.constantFrom(...codes.map(c => String.fromCharCode(c))), maxLength: 30 })
const value = textOf([0x09, 0x20, ...visible]).map(text => text.replace(/^[ \t]+|[ \t]+$/g, ''))
const target = textOf(visible.filter(c => c !== 0x23)).map(text => `/${text}`)

/** Names that the codec looks at are for the tables. */
const HOP =
  /^(te|host|expect|upgrade|connection|keep-alive|proxy-connection|content-length|transfer-encoding|traceparent)$/i
const field = fc.tuple(
  token.filter(name => !HOP.test(name)),
  value,
)
const fields = fc.array(field, { maxLength: 12 })
const cutsOf = fc.array(fc.nat(900), { maxLength: 12 })
const lines = (pairs: readonly (readonly [string, string])[]) =>
  pairs.map(([name, text]) => `${name}: ${text}\r\n`).join('')

/** What a property compares: heads as text, so that two readings of one head are equal. */
function judged<Head extends Parameters<typeof fieldsOf>[0]>(read: Read<Head>): unknown {
  if (read.kind !== 'head') return read
  const { headers, ...rest } = read.head
  return { after: read.after, ...rest, text: headers.toText(), fields: fieldsOf(read.head) }
}

describe('a valid head', () => {
  test('of a request goes on as it came: names, values, order and case', () => {
    fc.assert(
      fc.property(
        token.filter(m => m !== 'CONNECT'),
        target,
        fields,
        cutsOf,
        (method, path, pairs, cuts) => {
          const text = `${method} ${path} HTTP/1.1\r\nHost: a\r\n${lines(pairs)}\r\n`
          const read = readRequest(text, cuts)
          expect(read).toMatchObject({
            kind: 'head',
            after: text.length,
            head: { method, target: path, authority: 'a' },
          })
          if (read.kind !== 'head') return
          expect(fieldsOf(read.head)).toEqual([['Host', 'a'], ...pairs])
          expect(requestHeadText(read.head)).toBe(text)
        },
      ),
    )
  })

  test('of an answer does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), value, fields, cutsOf, (status, reason, pairs, cuts) => {
        const text = `HTTP/1.1 ${status} ${reason}\r\n${lines(pairs)}\r\n`
        const read = readResponse(text, 'HEAD', cuts)
        expect(read).toMatchObject({ kind: 'head', after: text.length, head: { status, reason } })
        if (read.kind !== 'head') return
        expect(fieldsOf(read.head)).toEqual(pairs)
        expect(responseHeadText(read.head, 'as-is', 'default')).toBe(text)
      }),
    )
  })

  test('is read again from what was written of it', () => {
    fc.assert(
      fc.property(
        fields,
        fc.constantFrom('Content-Length: 5', 'Transfer-Encoding: chunked', 'TE: x'),
        (pairs, framing) => {
          const first = goodRequest(
            `PUT /x HTTP/1.1\r\nConnection: x-hop\r\nX-Hop: 1\r\nHost: a\r\n${framing}\r\n${lines(pairs)}\r\n`,
          )
          const second = goodRequest(requestHeadText(first))
          expect(second.body).toEqual(first.body)
          expect(fieldsOf(second)).toEqual(fieldsOf(first))
        },
      ),
    )
  })
})

describe('however the bytes are cut', () => {
  const parts = fc.constantFrom(
    ...[
      'GET ',
      '/',
      ' HTTP/1.1',
      'HTTP/1.1 200 OK',
      '\r\n',
      '\r\n',
      '\r\n',
      '\r',
      '\n',
      ' ',
      '\t',
      ':',
      'Host: a\r\n',
      'X: y\r\n',
    ],
    ...[
      'Content-Length: 5\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Connection: close, x\r\n',
      '\0',
      '\xff',
      'http://a/',
      'POST ',
    ],
  )
  const head = fc.tuple(
    fc.constantFrom('GET / HTTP/1.1\r\nHost: a\r\n', 'HTTP/1.1 200 OK\r\n', ''),
    fc.array(parts, { maxLength: 12 }),
  )
  const hostile = fc.oneof(
    head.map(([start, rest]) => start + rest.join('')),
    fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes).toString('latin1')),
  )

  test('a request is judged alike, and nothing throws', () => {
    fc.assert(
      fc.property(hostile, cutsOf, (text, cuts) => {
        expect(judged(readRequest(text, cuts))).toEqual(judged(readRequest(text)))
      }),
      { numRuns: 2_000 },
    )
  })

  test('an answer is judged alike, and nothing throws', () => {
    fc.assert(
      fc.property(hostile, cutsOf, (text, cuts) => {
        expect(judged(readResponse(text, 'GET', cuts))).toEqual(judged(readResponse(text)))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('what is written', () => {
  test('chunks of a request are announced; hop fields never come back', () => {
    const head = goodRequest('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n\r\n')
    expect(requestHeadText(head)).toBe('POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n')
  })

  test('a request of HTTP/1.0 goes on as HTTP/1.1, with a Host', () => {
    const head = goodRequest('GET http://b/x HTTP/1.0\r\nX: y\r\n\r\n')
    expect(requestHeadText(head)).toBe('GET /x HTTP/1.1\r\nX: y\r\nhost: b\r\n\r\n')
  })

  test('an answer says what its connection does', () => {
    const head = goodResponse('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n')
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n'
    expect(responseHeadText(head, 'as-is', 'default')).toBe(`${text}\r\n`)
    expect(responseHeadText(head, 'as-is', 'close')).toBe(`${text}connection: close\r\n\r\n`)
  })
})
