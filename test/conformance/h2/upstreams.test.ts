import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../in-process/mesh.ts'
import { DOORS, type DoorName, expectAlive, expectInOrder, type H2Edge, startH2Edge } from './kit.ts'
import { RawPeer } from './raw-peer.ts'
import {
  block,
  CODE,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  goaway,
  headers,
  type Pair,
  PREFACE,
  ping,
  request,
  reset,
  SETTING,
  settings,
  string,
  TYPE,
  times,
  uint32,
  windowUpdate,
} from './wire.ts'

// The other role: applications whose HTTP/2 is wrong. Nobody takes their answers for right or for whole, and others are served.

let edge: H2Edge
/** Connections of the sidecar to the hostile application. */
let connections: RawPeer[] = []

beforeAll(async () => {
  edge = await startH2Edge()
})
afterAll(() => edge.close())
afterEach(async () => {
  edge.application.onConnection = edge.upstream.accept
  await edge.freshApplication()
  for (const door of DOORS) await expectAlive(edge, door)
})

/** From now on the application answers each request for `/hostile` with these bytes, and others as it should. */
async function hostile(answer: (stream: number, peer: RawPeer) => Buffer | undefined): Promise<void> {
  connections = []
  edge.application.onConnection = socket => {
    const peer = RawPeer.server(socket)
    connections.push(peer)
    peer.onFrame = ({ type, stream }) => {
      if (type !== TYPE.HEADERS) return
      const path = new Map(peer.seen(stream).heads[0]).get(':path')
      const bytes = path === '/hostile' ? answer(stream, peer) : Buffer.concat([OK(stream)])
      if (bytes !== undefined) peer.send(bytes)
    }
    peer.socket.on('end', () => peer.socket.end())
  }
  await edge.freshApplication()
}

const OK = (stream: number): Buffer =>
  Buffer.concat([headers(stream, block([[':status', '200']])), data(stream, 'ok', END_STREAM)])
const head = (stream: number, ...fields: Pair[]): Buffer => headers(stream, block(fields), END_HEADERS | END_STREAM)
const S200: Pair = [':status', '200']

/** The request that speaks HTTP/2 to the application at both doors is gRPC's or, from a caller beside its sidecar, any. */
const ask = (peer: RawPeer, stream: number): void => peer.request(stream, request('GET', '/hostile'))

const MALFORMED: readonly [title: string, answer: (stream: number) => Buffer][] = [
  ['[H2-10] an upper-case name', id => head(id, S200, ['X-A', '1'])],
  ['[H2-10] connection', id => head(id, S200, ['connection', 'close'])],
  ['[H2-10] transfer-encoding', id => head(id, S200, ['transfer-encoding', 'chunked'])],
  ['[H2-10] :status missing', id => head(id, ['x-a', '1'])],
  ['[H2-10] :status twice', id => head(id, S200, S200)],
  ['[H2-10] :status late', id => head(id, ['x-a', '1'], S200)],
  ['[H2-10] :status that is no number', id => head(id, [':status', '2 0'])],
  ['[H2-10] :status of two digits', id => head(id, [':status', '20'])],
  ['[H2-10] a pseudo-field of requests', id => head(id, S200, [':path', '/'])],
  ['[H2-11] CR LF in a value', id => head(id, S200, ['x-a', 'b\r\nx-selvedge-cause: overload'])],
  ['[H2-11] NUL in a value', id => head(id, S200, ['x-a', '\0'])],
  ['101', id => head(id, [':status', '101'])],
  ['DATA before the head', id => data(id, 'x', END_STREAM)],
  ['an interim head that ends the stream', id => head(id, [':status', '103'])],
  [
    '[H2-14] content-length that is no number',
    id => Buffer.concat([headers(id, block([S200, ['content-length', 'x']])), data(id, 'x', END_STREAM)]),
  ],
]

const BROKEN: readonly [title: string, answer: (stream: number) => Buffer, code: number][] = [
  ['[H2-9] HPACK: index 0', id => headers(id, Buffer.from([0x80]), END_HEADERS | END_STREAM), CODE.COMPRESSION_ERROR],
  ['[H2-9] a frame that is too large', id => data(id, Buffer.alloc(16_385)), CODE.FRAME_SIZE_ERROR],
  ['[H2-9] SETTINGS of a broken length', () => frame(TYPE.SETTINGS, 0, 0, Buffer.alloc(5)), CODE.FRAME_SIZE_ERROR],
  [
    '[H2-8] PUSH_PROMISE',
    id => frame(TYPE.PUSH_PROMISE, END_HEADERS, id, Buffer.concat([uint32(2), block(request('GET', '/'))])),
    CODE.PROTOCOL_ERROR,
  ],
  ['[H2-8] HEADERS on an even stream', () => headers(2, block([S200])), CODE.PROTOCOL_ERROR],
  ['[H2-8] HEADERS on a stream that we have not begun', () => headers(999, block([S200])), CODE.PROTOCOL_ERROR],
  ['[H2-8] DATA on stream 0', () => data(0, 'x'), CODE.PROTOCOL_ERROR],
  ['[H2-7] a window of the connection past 2^31-1', () => windowUpdate(0, 0x7fff_ffff), CODE.FLOW_CONTROL_ERROR],
  [
    '[H2-7] an initial window past 2^31-1',
    () => settings([SETTING.INITIAL_WINDOW_SIZE, 2 ** 31]),
    CODE.FLOW_CONTROL_ERROR,
  ],
  [
    '[H2-3] a flood of CONTINUATION',
    id => Buffer.concat([headers(id, block([S200]), 0), times(100, continuation(id, Buffer.alloc(0)))]),
    CODE.ENHANCE_YOUR_CALM,
  ],
  [
    '[H2-4] a bomb',
    id =>
      headers(
        id,
        Buffer.concat([Buffer.from([0x40]), string('x'), string('v'.repeat(4_000)), Buffer.alloc(8_000, 0xbe)]),
        END_HEADERS | END_STREAM,
      ),
    CODE.ENHANCE_YOUR_CALM,
  ],
  ['[H2-5] a flood of PING', () => times(3_000, ping()), CODE.ENHANCE_YOUR_CALM],
  ['[H2-5] a flood of SETTINGS', () => times(3_000, settings()), CODE.ENHANCE_YOUR_CALM],
]

async function expectFailed(peer: RawPeer, stream: number, cause = 'upstream-protocol-error'): Promise<void> {
  const { head: answer } = await peer.answer(stream)
  expect([answer.get(':status'), answer.get('x-selvedge-cause')]).toEqual(['502', cause])
}

describe('an application that answers an HTTP/2 caller with', () => {
  const door: DoorName = 'application'

  test.each(MALFORMED)('%s: 502, and the connection serves others', async (_, answer) => {
    await hostile(answer)
    const peer = await edge.open(door)
    ask(peer, 1)
    await expectFailed(peer, 1)
    peer.request(3, request('GET', '/fine'))
    expect((await peer.answer(3)).body).toBe('ok')
    peer.destroy()
  })

  test.each(BROKEN)(
    '%s: 502, GOAWAY to the application, and a new connection serves others',
    async (_, answer, code) => {
      await hostile(answer)
      const peer = await edge.open(door)
      ask(peer, 1)
      // Of what is only too much, the connection is said to have been reset.
      await expectFailed(peer, 1, code === CODE.ENHANCE_YOUR_CALM ? 'upstream-reset' : 'upstream-protocol-error')
      const told = (): RawPeer | undefined => connections.find(({ goaways }) => goaways.at(-1)?.code === code)
      await until(() => told() !== undefined)
      await told()!.ended()
      peer.request(3, request('GET', '/fine'))
      expect((await peer.answer(3)).body).toBe('ok')
      expect(connections.length).toBeGreaterThan(1)
      peer.destroy()
    },
  )

  test('[H2-14] more DATA than its content-length, or less: never taken for whole', async () => {
    for (const body of ['four5', 'for']) {
      await hostile(id =>
        Buffer.concat([headers(id, block([S200, ['content-length', '4']])), data(id, body, END_STREAM)]),
      )
      const peer = await edge.open(door)
      ask(peer, 1)
      const how = await peer.when(() => peer.seen(1).reset ?? (peer.seen(1).ended ? 'ended' : undefined), 'an end')
      if (how === 'ended') expect(peer.headOf(1)!.get(':status')).toBe('502')
      peer.destroy()
    }
  })

  test('[H2-14] a content-length with its answer to HEAD, or 304: nothing is waited for', async () => {
    await hostile(id => head(id, [':status', '304'], ['content-length', '10']))
    const peer = await edge.open(door)
    ask(peer, 1)
    expect((await peer.answer(1)).head.get(':status')).toBe('304')
    await hostile(id => head(id, S200, ['content-length', '10']))
    peer.request(3, request('HEAD', '/hostile'))
    const { head: answer, body } = await peer.answer(3)
    expect([answer.get(':status'), answer.get('content-length'), body]).toEqual(['200', '10', ''])
    peer.destroy()
  })

  test('a stream that is refused, or was not seen before GOAWAY: asked again, unseen by the caller', async () => {
    for (const refuse of [(id: number) => reset(id, CODE.REFUSED_STREAM), () => goaway(0, CODE.NO_ERROR)]) {
      let times = 0
      await hostile(id => (times++ === 0 ? refuse(id) : OK(id)))
      const peer = await edge.open(door)
      ask(peer, 1)
      expect((await peer.answer(1)).body).toBe('ok')
      expect(times).toBe(2)
      peer.destroy()
    }
  })

  test('a reset behind the head: the caller sees a reset', async () => {
    await hostile(id => Buffer.concat([headers(id, block([S200])), data(id, 'half'), reset(id, CODE.INTERNAL_ERROR)]))
    const peer = await edge.open(door)
    ask(peer, 1)
    await peer.reset(1)
    expect(peer.seen(1).ended).toBe(false)
    peer.destroy()
  })

  test('[H2-5] interim heads without end: bounded', async () => {
    await hostile(id =>
      times(
        2_000,
        headers(
          id,
          block([
            [':status', '103'],
            ['link', '</a>'],
          ]),
        ),
      ),
    )
    const peer = await edge.open(door)
    ask(peer, 1)
    await expectFailed(peer, 1)
    expect(peer.seen(1).heads.length).toBeLessThan(200)
    peer.destroy()
  })

  test('an answer before the request is whole: it is given, and the rest of the request is not wanted', async () => {
    await hostile(id => Buffer.concat([OK(id), reset(id, CODE.NO_ERROR)]))
    const peer = await edge.open(door)
    peer.send(headers(1, block(request('POST', '/hostile')), END_HEADERS), data(1, 'some'))
    expect((await peer.answer(1)).body).toBe('ok')
    await until(() => peer.seen(1).reset === CODE.NO_ERROR)
    peer.destroy()
  })

  test('no preface of HTTP/2 at all: 502', async () => {
    edge.application.onConnection = socket => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    await edge.freshApplication()
    const peer = await edge.open(door)
    ask(peer, 1)
    await expectFailed(peer, 1)
    peer.destroy()
  })
})

test('what is sent to an application begins as it must: the preface, SETTINGS, the streams in order', async () => {
  let first = Buffer.alloc(0)
  edge.application.onConnection = socket => {
    socket.on('data', (chunk: Buffer) => {
      first = Buffer.concat([first, chunk])
    })
    edge.upstream.accept(socket)
  }
  await edge.freshApplication()
  const peer = await edge.open('application')
  for (const stream of [1, 3, 5]) peer.request(stream, request('GET', `/in/${stream}`))
  for (const stream of [1, 3, 5]) expect((await peer.answer(stream)).body).toBe('ok')
  expect(first.subarray(0, PREFACE.length)).toEqual(PREFACE)
  expect(first[PREFACE.length + 3]).toBe(TYPE.SETTINGS)
  peer.destroy()
})

test('[H2-7] [H2-8] [H2-9] [H2-10] nothing broke, and nothing is left under way', () => expectInOrder(edge))
