import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  beforehand,
  DOORS,
  type DoorName,
  expectInOrder,
  expectRefused,
  expectReset,
  expectServed,
  FORBIDDEN,
  type H2Edge,
  startH2Edge,
} from './kit.ts'
import { block, CODE, END_HEADERS, END_STREAM, headers, type Pair, request } from './wire.ts'

// CHECKLIST, H2: requests that are malformed (RFC 9113, 8.1.1), at both doors. Their streams are reset; the connection serves the next.

const GET = request('GET', FORBIDDEN)
const without = (name: string): Pair[] => GET.filter(([each]) => each !== name)
const withValue = (name: string, value: string): Pair[] => GET.map(pair => (pair[0] === name ? [name, value] : pair))

const RESET: readonly [title: string, fields: readonly Pair[]][] = [
  ['[H2-10] an upper-case name', [...GET, ['X-A', 'b']]],
  ['[H2-10] one upper-case letter', [...GET, ['x-azZ', 'b']]],
  ['[H2-10] an upper-case pseudo-field', [...without(':path'), [':Path', FORBIDDEN]]],
  ...(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'] as const).map(
    (name): [string, Pair[]] => [
      `[H2-10] ${name}`,
      [...GET, [name, name === 'transfer-encoding' ? 'chunked' : name === 'upgrade' ? 'h2c' : 'close']],
    ],
  ),
  ['[H2-10] te other than trailers', [...GET, ['te', 'trailers, deflate']]],
  ['[H2-10] te with a parameter', [...GET, ['te', 'gzip;q=0.5']]],
  ...[':method', ':scheme', ':path', ':authority'].map((name): [string, Pair[]] => [
    `[H2-10] ${name} twice`,
    [...GET, [name, GET.find(([each]) => each === name)![1]]],
  ]),
  ...[':method', ':scheme', ':path'].map((name): [string, Pair[]] => [`[H2-10] ${name} missing`, without(name)]),
  ...[':method', ':scheme', ':path', ':authority'].map((name): [string, Pair[]] => [
    `[H2-10] ${name} late`,
    [...without(name), ['accept', '*/*'], [name, GET.find(([each]) => each === name)![1]]],
  ]),
  ['[H2-10] :method empty', withValue(':method', '')],
  ['[H2-10] :method that is no token', withValue(':method', 'GE T')],
  ['[H2-10] :scheme empty', withValue(':scheme', '')],
  ['[H2-10] :status in a request', [[':status', '200'], ...GET]],
  ['[H2-10] a pseudo-field that nobody knows', [[':what', 'x'], ...GET]],
  ['[H2-10] a colon alone', [[':', 'x'], ...GET]],
  ['[H2-10] :protocol without CONNECT', [...GET, [':protocol', 'websocket']]],
  ['[H2-10] CONNECT with a scheme and a path', [...request('CONNECT', FORBIDDEN)]],
  ['[H2-10] an empty name', [...GET, ['', 'x']]],
  ['[H2-10] a name with a space', [...GET, ['x a', 'x']]],
  ['[H2-10] a name with a colon', [...GET, ['x:a', 'x']]],
  ['[H2-10] a name with CR and LF', [...GET, ['x\r\ny', 'x']]],
  ['[H2-10] a name with NUL', [...GET, ['x\0', 'x']]],
  ['[H2-10] a name above ASCII', [...GET, ['x\xe9', 'x']]],

  ...(['\r', '\n', '\0', '\x01', '\x7f'] as const).flatMap((byte): [string, Pair[]][] => {
    const said = JSON.stringify(byte)
    return [
      [`[H2-11] ${said} in a value`, [...GET, ['x-a', `b${byte}c`]]],
      [`[H2-11] ${said} at the end of a value`, [...GET, ['x-a', `b${byte}`]]],
      [`[H2-11] ${said} in :path`, withValue(':path', `${FORBIDDEN}${byte}x`)],
      [`[H2-11] ${said} in :authority`, withValue(':authority', `app${byte}`)],
      [`[H2-11] ${said} in :method`, withValue(':method', `GET${byte}`)],
    ]
  }),
  ['[H2-11] CR LF and a field in a value', [...GET, ['x-a', 'b\r\nx-selvedge-caller: me']]],
  ['[H2-11] a space at the front of a value', [...GET, ['x-a', ' b']]],
  ['[H2-11] a tab at the end of a value', [...GET, ['x-a', 'b\t']]],
  ['[H2-11] a space in :path', withValue(':path', `${FORBIDDEN} HTTP/1.1`)],

  ['[H2-12] :path without a leading slash', withValue(':path', FORBIDDEN.slice(1))],
  ['[H2-12] :path empty', withValue(':path', '')],
  ['[H2-12] :path with a scheme', withValue(':path', `http://app${FORBIDDEN}`)],
  ['[H2-12] :path * with GET', withValue(':path', '*')],
  ['[H2-12] :path *x with OPTIONS', request('OPTIONS', '*x')],
  ['[H2-12] :path with a fragment', withValue(':path', `${FORBIDDEN}#x`)],
  ['[H2-12] :authority with userinfo', withValue(':authority', 'me@app')],
  ['[H2-12] :authority with a path', withValue(':authority', `app${FORBIDDEN}`)],
]

let edge: H2Edge
beforeAll(async () => {
  edge = await startH2Edge()
})
afterAll(() => edge.close())

describe.each(DOORS)('at the door for %ss, RST_STREAM with PROTOCOL_ERROR: of', door => {
  test.each(RESET)('%s', async (_, fields) => {
    const before = await beforehand(edge, door)
    const peer = await edge.open(door)
    peer.send(headers(1, block(fields), END_HEADERS | END_STREAM))
    await expectReset(peer, 1, CODE.PROTOCOL_ERROR)
    await expectServed(peer, 3)
    await expectRefused(edge, door, before, /./)
    peer.destroy()
  })

  test('[H2-10] several of them on one connection, each for itself', async () => {
    const peer = await edge.open(door)
    const ids = RESET.map((_, i) => 1 + i * 2)
    peer.send(...RESET.map(([, fields], i) => headers(ids[i]!, block(fields), END_HEADERS | END_STREAM)))
    await expectServed(peer, 999)
    expect(ids.map(id => peer.seen(id).reset)).toEqual(ids.map(() => CODE.PROTOCOL_ERROR))
    peer.destroy()
  })
})

describe.each(DOORS)('at the door for %ss, 400 for', door => {
  test.each([
    ['[H2-13] an authority that differs from host', [...GET, ['host', 'other']] as Pair[]],
    ['[H2-13] another port in host', [...withValue(':authority', 'app:8080'), ['host', 'app:8081']] as Pair[]],
    ['[H2-13] neither of them', without(':authority')],
  ])('%s', async (_, fields) => {
    const before = await beforehand(edge, door)
    const peer = await edge.open(door)
    peer.request(1, fields)
    const { head, body } = await peer.answer(1)
    expect([head.get(':status'), head.get('x-selvedge-cause')]).toEqual(['400', 'bad-request'])
    expect(body).toMatch(/bad-request/)
    await expectServed(peer, 3)
    await expectRefused(edge, door, before, /authority/)
    peer.destroy()
  })
})

describe.each(DOORS)('at the door for %ss, served are', door => {
  const served: readonly [title: string, fields: readonly Pair[], heard: RegExp][] = [
    [
      '[H2-13] host beside the same authority',
      request('GET', '/same', ['host', 'app']),
      /^GET \/same .*\r\nhost: app\r\n/is,
    ],
    ['[H2-13] host in another case', request('GET', '/case', ['host', 'APP']), /GET \/case /],
    [
      '[H2-13] host without authority',
      [...request('GET', '/host').slice(0, 3), ['host', 'app']],
      /GET \/host .*\r\nhost: app\r\n/is,
    ],
    ['[H2-10] te: trailers', request('GET', '/te', ['te', 'trailers']), /GET \/te /],
    ['[H2-12] OPTIONS *', request('OPTIONS', '*'), /^OPTIONS \* HTTP\/[12]/],
    [
      '[H2-11] an empty value, and one above ASCII',
      request('GET', '/latin', ['x-e', ''], ['x-l', '\xe9\xff']),
      /x-e: ?\r\n.*x-l: \xe9\xff\r\n/s,
    ],
    ['cookie crumbs, joined', request('GET', '/crumbs', ['cookie', 'a=1'], ['cookie', 'b=2']), /cookie: a=1; b=2\r\n/],
  ]

  test.each(served)('%s', async (_, fields, heard) => {
    const peer = await edge.open(door)
    peer.request(1, fields)
    const { head, body } = await peer.answer(1)
    expect([head.get(':status'), body]).toEqual(['200', 'ok'])
    const text = edge.upstream.requests.at(-1)!.head
    expect(text).toMatch(heard)
    expect(text.match(/\r\nhost:/gi)).toHaveLength(1)
    peer.destroy()
  })
})

test('[H2-12] CONNECT has no path, and is served where the application asks for it', async () => {
  const peer = await edge.open('application')
  const connect: Pair[] = [
    [':method', 'CONNECT'],
    [':authority', `127.0.0.1:${edge.application.port}`],
  ]
  peer.send(headers(1, block(connect), END_HEADERS))
  const head = await peer.when(() => peer.headOf(1))
  expect(head.get(':status')).toBe('200')
  peer.destroy()
})

test('[H2-10] [H2-11] [H2-12] [H2-13] nothing broke, and nothing is left under way', async () => {
  await expectInOrder(edge)
  for (const door of DOORS satisfies readonly DoorName[]) {
    expect(edge.upstream.text).not.toContain(FORBIDDEN)
    expect(edge.doors[door].sidecar.log().filter(({ level }) => Number(level) >= 50)).toEqual([])
  }
})
