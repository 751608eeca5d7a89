import fc from 'fast-check'
import type { Wire } from './verdict.ts'

// Valid requests, and what is done to them. Everything is latin1 text, one character for each byte.

const TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
const METHODS = [
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'PROPFIND',
  'CONNECT',
  'BREW',
  'get',
]
const TARGETS = [
  ...['/', '/a/b?c=d', '/%2e%2e/', '//x', '/?', '*', '/a#b', '/\\', '/a b', '', 'a', '/\xe9', '/[x]|{y}', '/"<>^`'],
  ...[
    'http://a/',
    'http://a',
    'http://a?x',
    'HTTP://A/x',
    'http://b/',
    'http://a:80/',
    'http://u@a/',
    'https://a/',
    'http:///',
    'ftp://a/',
    'a:80',
    'a:443',
    'a',
  ],
]
const VERSIONS = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.10', 'HTTP/1', '']
const HOSTS = [
  'a',
  'A',
  'a:80',
  'a.b.c',
  '[::1]',
  '[::1]:80',
  '127.0.0.1:8080',
  '',
  'u@a',
  'a/b',
  'a b',
  'a:',
  'a:b',
  'a,b',
  'a#',
  'a\xe9',
]
/** Lines that servers disagree about. */
const LINES = [
  ...[
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: Chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: chunked, gzip',
    'Transfer-Encoding: identity',
    'Transfer-Encoding: xchunked',
  ],
  ...[
    'Transfer-Encoding : chunked',
    'Transfer-Encoding:\x0bchunked',
    'Transfer-Encoding: chunked,',
    'Transfer-Encoding:',
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: chunked;q=1',
  ],
  ...[
    'Content-Length: 0',
    'Content-Length: 5',
    'Content-Length: +5',
    'Content-Length: -5',
    'Content-Length: 0x5',
    'Content-Length:',
    'Content-Length: 5, 5',
    'Content-Length: 05',
    'Content-Length: 5 ',
    'Content-Length: 5 5',
  ],
  ...['Content-Length: 18446744073709551617', 'Content-Length: 0000000000000000005', 'Content-Length : 5'],
  ...HOSTS.map(host => `Host: ${host}`),
  ...[
    'Connection: close',
    'Connection: keep-alive',
    'Connection: upgrade',
    'Connection: X, close',
    'Connection: close, keep-alive',
    'Connection: host, x',
    'Connection:',
  ],
  ...[
    'Upgrade: websocket',
    'Upgrade: h2c',
    'Expect: 100-continue',
    'Expect: 100-Continue',
    'Expect: x',
    'Expect:',
    'TE: trailers',
    'Trailer: X',
    'Keep-Alive: 5',
  ],
  ...[
    'X: y',
    'X:y',
    'X:',
    'X: \t y \t',
    'X : y',
    'X\t: y',
    ' X: y',
    '\tfolded',
    ': y',
    'X',
    'X: \0',
    'X: \x01',
    'X: \x7f',
    'X: \xe9',
    'X\xe9: y',
    'X Y: z',
    '',
    'X: a\rb',
    'X: a\nb',
    '(X): y',
  ],
]
const CHUNK_LINES = [
  ...[
    '5',
    'A',
    '0',
    '00',
    '005',
    '5;x',
    '5;x=y',
    '5;x="y;z"',
    '5 ',
    ' 5',
    '5;',
    '5;=',
    '5 ;x',
    '5; x',
    '5;x = y',
    '0x5',
    '+5',
    '-5',
    '5\t',
    '',
    'g',
    '5\x0b',
    '5;x="\\"',
    '5;x=\x01',
    '5;\xe9',
    '5,',
    '5;x="y"z',
    '5;;x',
    '5;x=',
    '5;x="',
  ],
  ...['FFFFFFFFFFFFFFFFF', '00000000000000005', '1_0', '5;x\ty', '5;x="y" '],
]
const ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '\n\r', '']
const BYTES = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '"',
  '\x0b',
  '\x7f',
  '\x80',
  '\xff',
  '0',
  'a',
  'chunked',
]

const token = fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 12 })
export const line = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(token, fc.string({ unit: fc.constantFrom(...TOKEN, ' ', ',', '\t', '\xe9'), maxLength: 12 }))
      .map(([name, value]) => `${name}: ${value}`),
  },
  { weight: 1, arbitrary: fc.constantFrom(...LINES) },
)
export const mostly = <Value>(usual: Value, others: readonly Value[]): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

const chunk = fc.record({
  line: mostly('5', CHUNK_LINES),
  end: mostly('\r\n', ENDS),
  data: mostly('hello', ['', 'hell', 'hello!', '\r\n\r\n\r']),
  after: mostly('\r\n', ENDS),
})
export const chunks = fc
  .tuple(
    fc.array(chunk, { maxLength: 3 }),
    mostly('0\r\n', ['0\n', '00\r\n', '0;x\r\n', '']),
    fc.array(line, { maxLength: 2 }),
    mostly('\r\n', ENDS),
  )
  .map(
    ([parts, last, trailers, end]) =>
      parts.map(part => part.line + part.end + part.data + part.after).join('') +
      last +
      trailers.map(each => `${each}\r\n`).join('') +
      end,
  )
const framed = fc.oneof(
  fc.constant({ lines: [] as string[], body: '' }),
  fc.nat(12).map(length => ({ lines: [`Content-Length: ${length}`], body: 'GET / HTTP/1'.slice(0, length) })),
  chunks.map(body => ({ lines: ['Transfer-Encoding: chunked'], body })),
)

const request = fc
  .record({
    method: fc.constantFrom(...METHODS),
    target: mostly('/', TARGETS),
    version: mostly('HTTP/1.1', VERSIONS),
    host: mostly('Host: a', ['', ...HOSTS.map(host => `Host: ${host}`)]),
    lines: fc.array(line, { maxLength: 4 }),
    // Seldom: all that comes behind one is lost to the comparison.
    upgrade: fc.oneof(
      { weight: 60, arbitrary: fc.constant<readonly string[]>([]) },
      { weight: 1, arbitrary: fc.constant(['Connection: upgrade', 'Upgrade: websocket']) },
    ),
    framed,
  })
  .map(({ method, target, version, host, lines, upgrade, framed: { lines: framing, body } }) => {
    const fields = [...(host === '' ? [] : [host]), ...lines, ...upgrade, ...framing]
    return `${method} ${target} ${version}\r\n${fields.map(each => `${each}\r\n`).join('')}\r\n${body}`
  })

interface Mutation {
  readonly kind: 'flip' | 'insert' | 'delete' | 'repeat' | 'end'
  /** A share of the length, in thousandths. */
  readonly at: number
  readonly bit: number
  readonly bytes: string
  readonly length: number
}

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('flip', 'insert', 'delete', 'repeat', 'end'),
  at: fc.nat(999),
  bit: fc.nat(7),
  bytes: fc.constantFrom(...BYTES),
  length: fc.integer({ min: 1, max: 20 }),
})

export function mutated(text: string, { kind, at, bit, bytes, length }: Mutation): string {
  const place = Math.floor((text.length * at) / 1000)
  const [before, rest] = [text.slice(0, place), text.slice(place)]
  switch (kind) {
    case 'flip':
      return rest === '' ? text : before + String.fromCharCode(rest.charCodeAt(0) ^ (1 << bit)) + rest.slice(1)
    case 'insert':
      return before + bytes + rest
    case 'delete':
      return before + rest.slice(length)
    case 'repeat':
      return before + rest.slice(0, length) + rest
    case 'end':
      // The line end that comes next becomes another.
      return before + rest.replace(/\r\n/, ENDS[length % ENDS.length] ?? '')
  }
}

/** Whatever came before it: a server that takes part of it for something else, or something else for it, gives itself away. */
const LAST = 'GET /last HTTP/1.1\r\nHost: last\r\n\r\n'

/** One to three requests, none to three of them mutated, and a last one, cut anywhere. */
export const wires: fc.Arbitrary<Wire> = fc
  .record({
    requests: fc.array(request, { minLength: 1, maxLength: 3 }),
    mutations: fc.array(mutation, { maxLength: 3 }),
    cuts: fc.oneof(
      fc.constant([]),
      fc.array(fc.nat(300), { maxLength: 8 }),
      fc.constant(Array.from({ length: 400 }, (_, n) => n)),
    ),
  })
  .map(({ requests, mutations, cuts }) => {
    const text = mutations.reduce(mutated, requests.join(''))
    return { bytes: Buffer.from(text + LAST, 'latin1'), cuts }
  })
