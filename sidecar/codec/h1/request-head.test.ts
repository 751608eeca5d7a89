import { describe, expect, test } from 'vitest'
import { HEAD_BYTES_MAX, HEAD_FIELDS_MAX, TARGET_BYTES_MAX } from '../../../common/mod.ts'
import { fieldsOf, goodRequest, readRequest, readResponse, refusalOf } from './head.fixture.ts'

/** A request with these field lines beside its Host. */
const withFields = (...lines: string[]) =>
  `POST /x HTTP/1.1\r\nHost: a\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n`
const withLine = (line: string) => `${line}\r\nHost: a\r\n\r\n`

describe('the framing of a request', () => {
  test.each([
    ['Content-Length: 5', { kind: 'length', length: 5 }],
    ['CONTENT-LENGTH:5', { kind: 'length', length: 5 }],
    ['Content-Length: 0', { kind: 'none' }],
    ['Transfer-Encoding: chunked', { kind: 'chunked' }],
    ['tRANSFER-eNCODING:\tCHUNKED \t', { kind: 'chunked' }],
    ['X: y', { kind: 'none' }],
  ])('%j is understood', (line, body) => {
    expect(goodRequest(withFields(line)).body).toEqual(body)
  })

  test.each([
    ['[H1-1] both', ['Content-Length: 5', 'Transfer-Encoding: chunked'], 400],
    ['[H1-1] both, the other way round', ['Transfer-Encoding: chunked', 'Content-Length: 5'], 400],
    [
      '[H1-1] both, named by Connection',
      ['Connection: content-length', 'Content-Length: 5', 'Transfer-Encoding: chunked'],
      400,
    ],
    ['[H1-2] Transfer-Encoding twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], 400],
    ['[H1-2] twice, one of them identity', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], 400],
    ['[H1-2] not last', ['Transfer-Encoding: chunked, identity'], 400],
    ['[H1-2] another word', ['Transfer-Encoding: xchunked'], 400],
    ['[H1-2] identity alone', ['Transfer-Encoding: identity'], 400],
    ['[H1-2] quoted', ['Transfer-Encoding: "chunked"'], 400],
    ['[H1-2] with a parameter', ['Transfer-Encoding: chunked;q=1'], 400],
    ['[H1-2] empty', ['Transfer-Encoding:'], 400],
    ['[H1-2] an empty element', ['Transfer-Encoding: ,chunked'], 400],
    ['[H1-2] chunked twice in one list', ['Transfer-Encoding: chunked, chunked'], 400],
    ['[H1-2] a space before the colon', ['Transfer-Encoding : chunked'], 400],
    ['[H1-2] a tab before the colon', ['Transfer-Encoding\t: chunked'], 400],
    ['[H1-2] 0x0B before the value', ['Transfer-Encoding: \x0bchunked'], 400],
    ['[H1-2] 0x0B before the name', ['\x0bTransfer-Encoding: chunked'], 400],
    ['[H1-2] a no-break space before the value', ['Transfer-Encoding: \xa0chunked'], 400],
    ['[H1-2] 0x0B behind the value', ['Transfer-Encoding: chunked\x0b'], 400],
    ['[H1-3] a coding that we do not have', ['Transfer-Encoding: gzip, chunked'], 501],
    ['[H1-3] in upper case', ['Transfer-Encoding: GZIP ,\tChunked'], 501],
    ['[H1-3] chunked not last', ['Transfer-Encoding: chunked, gzip'], 400],
    ['[H1-3] gzip alone', ['Transfer-Encoding: gzip'], 400],
    ['[H1-5] two that differ', ['Content-Length: 5', 'Content-Length: 6'], 400],
    ['[H1-5] two of one value', ['Content-Length: 5', 'content-length: 5'], 400],
    ['[H1-5] a list', ['Content-Length: 5, 5'], 400],
    ['[H1-5] a list without a space', ['Content-Length: 5,5'], 400],
    ['[H1-6] a plus', ['Content-Length: +1'], 400],
    ['[H1-6] a minus', ['Content-Length: -1'], 400],
    ['[H1-6] hexadecimal', ['Content-Length: 0x1'], 400],
    ['[H1-6] empty', ['Content-Length:'], 400],
    ['[H1-6] 2^64+1', ['Content-Length: 18446744073709551617'], 400],
    ['[H1-6] a fraction', ['Content-Length: 1.0'], 400],
    ['[H1-6] an exponent', ['Content-Length: 1e1'], 400],
    ['[H1-6] a space inside', ['Content-Length: 1 1'], 400],
    ['[H1-6] a superscript digit', ['Content-Length: \xb2'], 400],
    ['[H1-6] an underscore', ['Content-Length: 1_0'], 400],
  ] as const)('%s is refused', (_what, lines, status) => {
    expect(refusalOf(withFields(...lines))).toBe(status)
  })

  test('[H1-4] Transfer-Encoding in HTTP/1.0 is refused', () => {
    expect(refusalOf('POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')).toBe(400)
    expect(refusalOf('POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n')).toBe(400)
  })

  test('[AUTHZ-10] Content-Length and Host stay though Connection names them', () => {
    const head = goodRequest(
      withFields('Content-Length: 5', 'Connection: content-length, host, authorization', 'Authorization: s'),
    )
    expect(head.body).toEqual({ kind: 'length', length: 5 })
    expect(fieldsOf(head)).toEqual([
      ['Host', 'a'],
      ['Content-Length', '5'],
      ['Authorization', 's'],
    ])
  })
})

describe('lines of a head', () => {
  test.each([
    ['[H1-11] bare LF after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
    ['[H1-11] bare LF after a field', 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n'],
    ['[H1-11] bare LF at the end', 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
    ['[H1-11] CR alone', 'GET / HTTP/1.1\rHost: a\r\n\r\n'],
    ['[H1-11] CR alone in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: z\r\n\r\n'],
    ['[H1-11] two CRs', 'GET / HTTP/1.1\r\nHost: a\r\r\n\r\n'],
    ['[H1-11] CR and another byte at the end', 'GET / HTTP/1.1\r\nHost: a\r\n\rX'],
    ['[H1-12] a folded line', withFields('X: y', ' folded')],
    ['[H1-12] a folded line with a tab', withFields('X: y', '\tfolded: z')],
    ['[H1-12] a folded Transfer-Encoding', withFields('Transfer-Encoding:', ' chunked')],
    ['[H1-12] a folded first field', 'GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n'],
    ['[H1-12] a space before the colon', withFields('X : y')],
    ['[H1-12] a space in a name', withFields('X Y: z')],
    ['[H1-12] an empty name', withFields(': y')],
    ['[H1-12] no colon', withFields('X')],
    ['[H1-12] a name with a slash', withFields('X/Y: z')],
    ['[H1-12] a name above 0x7F', withFields('X\xe9: z')],
    ['[H1-13] NUL in a value', withFields('X: a\0b')],
    ['[H1-13] a control character in a value', withFields('X: a\x1fb')],
    ['[H1-13] DEL in a value', withFields('X: a\x7fb')],
    ['[H1-13] NUL in the target', withLine('GET /\0 HTTP/1.1')],
    ['[H1-13] a control character in the target', withLine('GET /\x01 HTTP/1.1')],
    ['[H1-13] DEL in the target', withLine('GET /\x7f HTTP/1.1')],
    ['[H1-13] a tab in the target', withLine('GET /a\tb HTTP/1.1')],
    ['[H1-14] no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['[H1-14] two Hosts', withFields('Host: b')],
    ['[H1-14] two Hosts of one value', withFields('host: a')],
    ['[H1-15] userinfo in Host', 'GET / HTTP/1.1\r\nHost: user@a\r\n\r\n'],
    ['[H1-15] a path in Host', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['[H1-15] a query in Host', 'GET / HTTP/1.1\r\nHost: a?b\r\n\r\n'],
    ['[H1-15] a list in Host', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
    ['[H1-15] a space in Host', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
    ['[H1-15] a port that is none', 'GET / HTTP/1.1\r\nHost: a:b\r\n\r\n'],
    ['[H1-15] two ports', 'GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n'],
    ['[H1-15] a bracket alone', 'GET / HTTP/1.1\r\nHost: [::1\r\n\r\n'],
    ['[H1-15] a percent sign in Host', 'GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n'],
    ['[H1-16] absolute-form that differs from Host', withLine('GET http://b/ HTTP/1.1')],
    ['[H1-16] absolute-form with another port than Host', withLine('GET http://a:8080/ HTTP/1.1')],
    ['[H1-16] absolute-form whose port is the other scheme’s', withLine('GET http://a:443/ HTTP/1.1')],
    ['[H1-16] absolute-form with userinfo', withLine('GET http://u@a/ HTTP/1.1')],
    ['[H1-16] absolute-form of another scheme', withLine('GET https://a/ HTTP/1.1')],
    ['[H1-16] absolute-form without an authority', withLine('GET http:///x HTTP/1.1')],
    ['[H1-16] absolute-form with an empty Host', 'GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n'],
    ['[H1-17] a fragment', withLine('GET /a#b HTTP/1.1')],
    ['[H1-17] a fragment in absolute-form', withLine('GET http://a/#b HTTP/1.1')],
    ['[H1-18] HTTP/0.9', 'GET /\r\n\r\n'],
    ['[H1-18] HTTP/0.9 with a Host', withLine('GET /')],
    ['a version in lower case', withLine('GET / http/1.1')],
    ['a version with three parts', withLine('GET / HTTP/1.1.1')],
    ['a version with two digits', withLine('GET / HTTP/1.10')],
    ['two spaces before the target', withLine('GET  / HTTP/1.1')],
    ['two spaces before the version', withLine('GET /  HTTP/1.1')],
    ['a tab for a space', withLine('GET\t/ HTTP/1.1')],
    ['a space behind the version', withLine('GET / HTTP/1.1 ')],
    ['a space before the method', withLine(' GET / HTTP/1.1')],
    ['no method', withLine('/ HTTP/1.1')],
    ['a method that is no token', withLine('G@T / HTTP/1.1')],
    ['a target that is no form at all', withLine('GET x HTTP/1.1')],
    ['"*" for another method than OPTIONS', withLine('GET * HTTP/1.1')],
    ['a path for CONNECT', withLine('CONNECT / HTTP/1.1')],
    ['a CONNECT without a port', withLine('CONNECT a HTTP/1.1')],
    ['a CONNECT whose Host is another', withLine('CONNECT b:80 HTTP/1.1')],
    ['a CONNECT whose Host has another port', 'CONNECT a:443 HTTP/1.1\r\nHost: a:80\r\n\r\n'],
    ['a CONNECT with a body', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\n'],
    ['a CONNECT with chunks', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['two empty lines before the request', '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ])('%s: 400', (_what, text) => {
    expect(refusalOf(text)).toBe(400)
  })

  test.each(['HTTP/2.0', 'HTTP/1.2', 'HTTP/0.9', 'HTTP/3.0'])('[H1-18] %s in a request line: 505', version => {
    expect(refusalOf(withLine(`GET / ${version}`))).toBe(505)
  })

  test('[H1-18] HTTP/0.9, and what is no HTTP at all, is told at its first line', () => {
    for (const line of ['GET /\r\n', 'SSH-2.0-x\r\n', '220 mail.example ESMTP\r\n', 'x\r\n'])
      expect([refusalOf(line), readResponse(line).kind]).toEqual([400, 'refused'])
  })

  test('one empty line before the request is ignored', () => {
    const head = goodRequest('\r\nPOST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n')
    expect(head).toMatchObject({ method: 'POST', target: '/x', authority: 'a', body: { kind: 'length', length: 3 } })
    expect(fieldsOf(head)).toEqual([
      ['Host', 'a'],
      ['Content-Length', '3'],
    ])
  })

  test('an empty line alone, or a CR of which nothing has followed, waits for more', () => {
    expect(refusalOf('\r\n')).toBe(-1)
    expect(refusalOf('\r')).toBe(-1)
    expect(refusalOf('GET / HTTP/1.1\r')).toBe(-1)
    expect(refusalOf('GET / HTTP/1.1\r\nHost: a\r\n\r')).toBe(-1)
  })

  test('values keep what is above 0x7F, and lose the space around them alone', () => {
    expect(fieldsOf(goodRequest(withFields('X: \t caf\xe9  au\tlait \t', 'Empty:', 'Blank: \t')))).toEqual([
      ['Host', 'a'],
      ['X', 'caf\xe9  au\tlait'],
      ['Empty', ''],
      ['Blank', ''],
    ])
  })
})

describe('what a request is aimed at', () => {
  test.each([
    ['GET /a?b=c HTTP/1.1', '/a?b=c', 'a'],
    ['GET //evil/x HTTP/1.1', '//evil/x', 'a'],
    ['GET http://a/x HTTP/1.1', '/x', 'a'],
    ['GET HTTP://A:80/x HTTP/1.1', '/x', 'A:80'],
    ['GET http://a HTTP/1.1', '/', 'a'],
    ['GET http://a?q HTTP/1.1', '/?q', 'a'],
    ['OPTIONS * HTTP/1.1', '*', 'a'],
    ['CONNECT a:8080 HTTP/1.1', 'a:8080', 'a:8080'],
  ])('%s', (line, target, authority) => {
    expect(goodRequest(withLine(line))).toMatchObject({ target, authority })
  })

  test.each(['a', 'a.b.', 'a:80', '127.0.0.1:1', '[::1]', '[::ffff:1.2.3.4]:8080', 'a_b~c'])('Host %s', host => {
    expect(goodRequest(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).authority).toBe(host)
  })

  test('[H1-16] a request without Host goes on with its target’s, as what goes on is HTTP/1.1', () => {
    const head = goodRequest('GET http://b:81/x HTTP/1.0\r\nX: y\r\n\r\n')
    expect(head).toMatchObject({ authority: 'b:81', minorVersion: 0 })
    expect(head.headers.get('host')).toBe('b:81')
    expect(goodRequest('GET / HTTP/1.0\r\n\r\n').headers.get('host')).toBe('')
  })
})

describe('limits of a head', () => {
  const requestOf = (bytes: number) => {
    const start = 'GET / HTTP/1.1\r\nHost: a\r\nX: '
    return `${start}${'x'.repeat(bytes - start.length - 4)}\r\n\r\n`
  }

  test('[H1-19] a head of 64 KiB is the largest', () => {
    expect(refusalOf(requestOf(HEAD_BYTES_MAX))).toBe(0)
    expect(refusalOf(requestOf(HEAD_BYTES_MAX + 1))).toBe(431)
    expect(refusalOf(requestOf(HEAD_BYTES_MAX + 1).slice(0, HEAD_BYTES_MAX - 1))).toBe(-1)
    expect(refusalOf(requestOf(HEAD_BYTES_MAX + 1).slice(0, HEAD_BYTES_MAX))).toBe(431)
  })

  test('[H1-19] a hundred fields are the most', () => {
    const fields = (count: number) => Array.from({ length: count - 1 }, (_, i) => `X${i}: y`)
    expect(refusalOf(withFields(...fields(HEAD_FIELDS_MAX)))).toBe(0)
    expect(refusalOf(withFields(...fields(HEAD_FIELDS_MAX + 1)))).toBe(431)
  })

  test('[H1-19] a target of 16 KiB is the longest', () => {
    const target = (bytes: number) => withLine(`GET /${'x'.repeat(bytes - 1)} HTTP/1.1`)
    expect(refusalOf(target(TARGET_BYTES_MAX))).toBe(0)
    expect(refusalOf(target(TARGET_BYTES_MAX + 1))).toBe(414)
    expect(refusalOf(target(HEAD_BYTES_MAX))).toBe(414)
    expect(refusalOf(`GET /${'x'.repeat(TARGET_BYTES_MAX + 100)}`)).toBe(414)
  })

  test('a long method is a long request line', () => {
    expect(refusalOf(withLine(`${'M'.repeat(TARGET_BYTES_MAX * 2)} / HTTP/1.1`))).toBe(414)
  })

  test.each([TARGET_BYTES_MAX, TARGET_BYTES_MAX + 1, HEAD_BYTES_MAX])(
    'a limit holds alike for a request line of %i bytes that comes whole and one that comes in two pieces',
    bytes => {
      const text = withLine(`GET /${'x'.repeat(bytes)}\0 HTTP/1.1`)
      for (const cut of [1, 100, TARGET_BYTES_MAX + 63, TARGET_BYTES_MAX + 64, TARGET_BYTES_MAX + 65])
        expect(readRequest(text, [cut])).toEqual(readRequest(text))
    },
  )

  test('a head that comes byte by byte is scanned once', () => {
    const text = requestOf(HEAD_BYTES_MAX)
    const cuts = Array.from({ length: text.length }, (_, i) => i)
    const begun = performance.now()
    expect(readRequest(text, cuts)).toMatchObject({ kind: 'head', after: HEAD_BYTES_MAX })
    expect(performance.now() - begun).toBeLessThan(1_000)
  })

  test('[LOAD-1] a Connection that names fields without end is refused', () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `x${i}`).join(',')
    expect(refusalOf(withFields(`Connection: ${names(HEAD_FIELDS_MAX)}`))).toBe(0)
    expect(refusalOf(withFields(`Connection: ${names(HEAD_FIELDS_MAX + 1)}`))).toBe(400)
  })
})

describe('fields that belong to one hop', () => {
  test('they are gone, whatever their case, and those that Connection names with them', () => {
    const head = goodRequest(
      withFields(
        'KEEP-ALIVE: timeout=5',
        'Connection: X-One, keep-alive',
        'x-one: 1',
        'connection: x-TWO',
        'X-Two: 2',
        'Proxy-Connection: close',
        'Proxy-Authorization: Basic c2VjcmV0',
        'TE: trailers',
        'Upgrade: h2c',
        'Transfer-Encoding: chunked',
        'X-Three: 3',
      ),
    )
    expect(fieldsOf(head)).toEqual([
      ['Host', 'a'],
      ['X-Three', '3'],
    ])
    expect(head.headers.toText()).toBe('Host: a\r\nX-Three: 3\r\n')
    expect(head.body).toEqual({ kind: 'chunked' })
    expect(head.upgrade).toBeUndefined()
  })

  test.each([
    'host',
    'authorization',
    'cookie',
    'content-type',
    'traceparent',
    'x-forwarded-for',
    'x-selvedge-caller',
    'grpc-timeout',
  ])('[AUTHZ-10] %s stays though Connection names it', name => {
    const head = goodRequest(withFields(`${name === 'host' ? 'X' : name}: a`, `Connection: ${name}`))
    expect(head.headers.get(name)).toBe('a')
  })

  test('a field that only begins like one of those goes', () => {
    const head = goodRequest(withFields('Hostile: 1', 'Cookie2: 2', 'Connection: hostile, cookie2'))
    expect(fieldsOf(head)).toEqual([['Host', 'a']])
  })

  test.each([
    ['HTTP/1.1', '', true],
    ['HTTP/1.1', 'Connection: close', false],
    ['HTTP/1.1', 'Connection: CLOSE', false],
    ['HTTP/1.1', 'Connection: x, Close', false],
    ['HTTP/1.1', 'Connection: keep-alive\r\nConnection: close', false],
    ['HTTP/1.0', '', false],
    ['HTTP/1.0', 'Connection: keep-alive', true],
    ['HTTP/1.0', 'Connection: Keep-Alive, close', false],
  ])('%s with %j is kept: %s', (version, field, kept) => {
    expect(goodRequest(`GET / ${version}\r\nHost: a\r\n${field === '' ? '' : `${field}\r\n`}\r\n`).keepAlive).toBe(kept)
  })

  test.each([
    ...['h2c', 'H2C', 'h2', 'HTTP/2.0', 'http/1.1', 'h2c/1'],
    ...['h2c, websocket', 'websocket, h2c', 'a b', '', 'a/b/c', '\xe9'],
  ])('[H1-22] an upgrade to %j is none', protocol => {
    expect(goodRequest(withFields('Connection: upgrade', `Upgrade: ${protocol}`)).upgrade).toBeUndefined()
  })

  test('[H1-22] two upgrades, one with a body, and one of HTTP/1.0 are none', () => {
    const asked = 'Connection: upgrade\r\nUpgrade: websocket\r\n'
    expect(goodRequest(`GET / HTTP/1.1\r\nHost: a\r\n${asked}Upgrade: websocket\r\n\r\n`).upgrade).toBeUndefined()
    expect(goodRequest(`GET / HTTP/1.1\r\nHost: a\r\n${asked}Content-Length: 1\r\n\r\n`).upgrade).toBeUndefined()
    expect(goodRequest(`GET / HTTP/1.0\r\nHost: a\r\n${asked}\r\n`).upgrade).toBeUndefined()
    expect(goodRequest(`GET / HTTP/1.1\r\nHost: a\r\n${asked}Content-Length: 0\r\n\r\n`).upgrade).toBe('websocket')
  })

  test('an upgrade is noted where Connection says so', () => {
    expect(goodRequest(withFields('Connection: Upgrade', 'Upgrade: websocket')).upgrade).toBe('websocket')
    expect(goodRequest(withFields('Upgrade: websocket')).upgrade).toBeUndefined()
  })
})

describe('fields that the mesh looks at', () => {
  test('[H1-20] only 100-continue can be expected, once', () => {
    expect(goodRequest(withFields('Expect: 100-Continue', 'Content-Length: 1')).expectContinue).toBe(true)
    expect(goodRequest('POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n').expectContinue).toBe(false)
    expect(refusalOf(withFields('Expect: a-miracle'))).toBe(417)
    expect(refusalOf(withFields('Expect: a-miracle', 'Expect: 100-continue'))).toBe(417)
    expect(refusalOf(withFields('Expect:'))).toBe(417)
  })

  test('[AUTHZ-9] fields in the name of the mesh are noted, in every spelling that a gateway may make one of', () => {
    for (const name of ['x-selvedge-caller', 'X-SELVEDGE-Caller', 'X_Selvedge_Caller', 'x-selvedge_cause'])
      expect(goodRequest(withFields(`${name}: me`)).hasMeshFields).toBe(true)
    for (const name of ['x-selvedge', 'xx-selvedge-caller', 'x-selvedg-caller'])
      expect(goodRequest(withFields(`${name}: me`)).hasMeshFields).toBe(false)
  })

  test('traceparent is handed out; of several none is', () => {
    expect(goodRequest(withFields('TraceParent: 00-x')).traceparent).toBe('00-x')
    const twice = goodRequest(withFields('traceparent: 1', 'X: y', 'Traceparent: 2'))
    expect(twice.traceparent).toBeUndefined()
    expect(fieldsOf(twice)).toEqual([
      ['Host', 'a'],
      ['X', 'y'],
    ])
  })
})
