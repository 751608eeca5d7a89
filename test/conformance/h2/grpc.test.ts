import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../in-process/mesh.ts'
import { backend, route, service } from '../../in-process/resources.ts'
import { DOORS, type DoorName, expectAlive, expectInOrder, type H2Edge, startH2Edge } from './kit.ts'
import { settledBytes } from './memory.ts'
import type { RawPeer } from './raw-peer.ts'
import { block, CODE, data, END_HEADERS, END_STREAM, headers, type Pair, request, reset } from './wire.ts'

// CHECKLIST, H2-16 to H2-19: gRPC frame by frame, where its own libraries would never send what is sent here. The calls of a real client are e2e/20-grpc.

const MEBIBYTE = 1024 * 1024
const GRPC: Pair = ['content-type', 'application/grpc+proto']
/** A length-prefixed message of 3 bytes. */
const MESSAGE = '\0\0\0\0\x03abc'

let edge: H2Edge
beforeAll(async () => {
  edge = await startH2Edge({
    resources: () => [
      service('nobody', { app: 'nobody' }),
      service('routed', { app: 'app' }),
      route(
        'routed',
        {
          matches: [{ path: { type: 'PathPrefix', value: '/shop.Slow' } }],
          timeouts: { request: '50ms' },
          backendRefs: [backend('app')],
        },
        { matches: [{ path: { type: 'PathPrefix', value: '/shop.Reviews' } }], backendRefs: [backend('app')] },
      ),
    ],
  })
  for (const door of DOORS) await expectAlive(edge, door)
})
afterAll(() => edge.close())
afterEach(() => edge.upstream.reset())

const call = (path: string, ...fields: Pair[]): Pair[] => request('POST', path, GRPC, ['te', 'trailers'], ...fields)
const calling = (stream: number, fields: readonly Pair[], message = MESSAGE): Buffer =>
  Buffer.concat([headers(stream, block(fields), END_HEADERS), data(stream, message, END_STREAM)])

/** What a gRPC client makes of an answer: fields of the head alone, or of the trailers. */
async function outcome(
  peer: RawPeer,
  stream: number,
): Promise<{
  status: string
  kind: string
  code: string | undefined
  message: string | undefined
  body: string
  cause: string | undefined
}> {
  const { head, body, trailers } = await peer.answer(stream)
  const last = trailers.length > 0 ? new Map(trailers) : head
  return {
    status: head.get(':status')!,
    kind: trailers.length > 0 ? 'trailers' : 'trailers-only',
    code: last.get('grpc-status'),
    message: last.get('grpc-message'),
    cause: head.get('x-selvedge-cause'),
    body,
  }
}

const answerWell = (): void => {
  edge.upstream.answer = (heard, reply) =>
    reply.send(200, [GRPC], heard.body, [
      ['grpc-status', '0'],
      ['x-t', 'last'],
    ])
}

describe.each(DOORS)('at the door for %ss', door => {
  test('a call goes through with its message and its trailers', async () => {
    answerWell()
    const peer = await edge.open(door)
    peer.send(calling(1, call('/shop.Reviews/Get')))
    expect(await outcome(peer, 1)).toMatchObject({ status: '200', kind: 'trailers', code: '0', body: MESSAGE })
    expect(peer.seen(1).heads[1]).toContainEqual(['x-t', 'last'])
    expect(edge.upstream.of('/shop.Reviews/Get')).toMatchObject([{ protocol: 'http2', body: MESSAGE }])
    expect(edge.upstream.of('/shop.Reviews/Get')[0]!.head).toContain('te: trailers\r\n')
    peer.destroy()
  })

  describe('[H2-16] a message that says it has 4 GiB', () => {
    const HUGE = '\0\xff\xff\xff\xffabc'

    test('from a caller: handed on as it comes, and no memory set aside', async () => {
      const bytes = settledBytes()
      const peer = await edge.open(door)
      peer.send(headers(1, block(call('/shop.Reviews/Huge')), END_HEADERS), data(1, Buffer.from(HUGE, 'latin1')))
      await until(() => edge.upstream.of('/shop.Reviews/Huge')[0]?.body === HUGE)
      await until(() => settledBytes() - bytes < 4 * MEBIBYTE)
      peer.send(reset(1, CODE.CANCEL))
      await until(() => edge.upstream.of('/shop.Reviews/Huge')[0]!.broken)
      peer.destroy()
    })

    test('from a server', async () => {
      edge.upstream.answer = (_, reply) => reply.begin([GRPC]).data(HUGE)
      const bytes = settledBytes()
      const peer = await edge.open(door)
      peer.send(calling(1, call('/shop.Reviews/Huge')))
      await peer.when(() => (peer.bodyOf(1) === HUGE ? true : undefined), 'the beginning of the message')
      await until(() => settledBytes() - bytes < 4 * MEBIBYTE)
      peer.send(reset(1, CODE.CANCEL))
      await until(() => edge.upstream.of('/shop.Reviews/Huge')[0]!.broken)
      peer.destroy()
    })

    test('a thousand of them on one connection', async () => {
      const bytes = settledBytes()
      const peer = await edge.open(door)
      for (let i = 0; i < 1_000; i += 50) {
        const ids = Array.from({ length: 50 }, (_, n) => 1 + (i + n) * 2)
        peer.send(...ids.map(id => calling(id, call('/shop.Reviews/Huge'), HUGE)))
        await peer.when(() => (ids.every(id => peer.seen(id).ended) ? true : undefined), 'all answers')
      }
      await until(() => settledBytes() - bytes < 20 * MEBIBYTE)
      peer.destroy()
    })
  })

  describe('[H2-17] grpc-timeout', () => {
    test.each(['', '1', 'S', '123456789S', '-1S', '+1S', '1.5S', '1 S', '1s', '1H2', '0x1S', '1S, 1S'])(
      '"%s": INTERNAL, and nothing goes upstream',
      async text => {
        answerWell()
        const peer = await edge.open(door)
        peer.send(calling(1, call('/shop.Reviews/Late', ['grpc-timeout', text])))
        expect(await outcome(peer, 1)).toMatchObject({
          status: '200',
          kind: 'trailers-only',
          code: '13',
          cause: 'bad-request',
          body: '',
        })
        expect(edge.upstream.of('/shop.Reviews/Late')).toEqual([])
        peer.destroy()
      },
    )

    test.each([
      ['99999999H', 2_073_600_000],
      ['99999999M', 2_073_600_000],
      ['10S', 10_000],
      ['10000000u', 10_000],
    ])('%s is handed on as what remains, %i ms at most', async (text, mostMs) => {
      answerWell()
      const peer = await edge.open(door)
      peer.send(calling(1, call('/shop.Reviews/InTime', ['grpc-timeout', text])))
      expect(await outcome(peer, 1)).toMatchObject({ code: '0' })
      const said = /grpc-timeout: ([0-9]{1,8})([HMSmun])\r\n/.exec(edge.upstream.of('/shop.Reviews/InTime')[0]!.head)!
      const ms = Number(said[1]) * { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }[said[2] as 'm']!
      expect(ms).toBeLessThanOrEqual(mostMs)
      expect(ms).toBeGreaterThan(mostMs - 9_000)
      peer.destroy()
    })

    test('one that passes: DEADLINE_EXCEEDED, and the call ends upstream', async () => {
      edge.upstream.answer = () => undefined
      const peer = await edge.open(door)
      peer.send(calling(1, call('/shop.Reviews/Never', ['grpc-timeout', '100m'])))
      expect(await outcome(peer, 1)).toMatchObject({ status: '200', kind: 'trailers-only', code: '4' })
      await until(() => edge.upstream.of('/shop.Reviews/Never').every(({ broken }) => broken))
      peer.destroy()
    })
  })

  describe('[H2-18] a server that ends without trailers: UNAVAILABLE or UNKNOWN', () => {
    const ends: readonly [title: string, answer: H2Edge['upstream']['answer']][] = [
      ['behind a message', (_, reply) => reply.send(200, [GRPC], MESSAGE)],
      ['behind half a message', (_, reply) => reply.send(200, [GRPC], MESSAGE.slice(0, 6))],
      ['with its head', (_, reply) => reply.send(200, [GRPC], '')],
      ['behind trailers without a status', (_, reply) => reply.send(200, [GRPC], MESSAGE, [['x-t', '1']])],
    ]
    test.each(ends)('%s', async (_, answer) => {
      edge.upstream.answer = answer
      const peer = await edge.open(door)
      peer.send(calling(1, call('/shop.Reviews/Rude')))
      const { status, code } = await outcome(peer, 1)
      expect(status).toBe('200')
      expect(['2', '14']).toContain(code)
      peer.destroy()
    })

    test.each([
      [503, ['14']],
      [404, ['12']],
      [401, ['16']],
    ] as const)('HTTP status %i without gRPC: %j', async (status, codes) => {
      edge.upstream.answer = (_, reply) => reply.send(status, [['content-type', 'text/plain']], 'no')
      const peer = await edge.open(door)
      peer.send(calling(1, call('/shop.Reviews/Plain')))
      const { head, trailers } = await peer.answer(1)
      // Either the proxy says it in gRPC's words, or the client's own table does, by the status (http-grpc-status-mapping.md).
      const code = head.get('grpc-status') ?? new Map(trailers).get('grpc-status')
      if (code === undefined) expect(head.get(':status')).toBe(String(status))
      else expect(codes).toContain(code)
      peer.destroy()
    })

    test('one that is reset in the middle of a message never looks whole', async () => {
      edge.upstream.answer = (_, reply) => {
        reply.begin([GRPC]).data(MESSAGE.slice(0, 6))
        setTimeout(() => void edge.freshApplication(), 20)
      }
      const peer = await edge.open(door)
      peer.send(calling(1, call('/shop.Reviews/Broken')))
      const how = await peer.when(() => peer.seen(1).reset ?? (peer.seen(1).ended ? 'ended' : undefined), 'an end')
      if (how === 'ended') expect(['2', '13', '14']).toContain(new Map(peer.seen(1).heads[1]).get('grpc-status'))
      peer.destroy()
    })
  })

  test('[H2-19] what is refused is refused in the words of gRPC, and a broken request by RST_STREAM', async () => {
    const peer = await edge.open(door)
    peer.send(calling(1, call('/shop.Reviews/Get', ['host', 'other'])))
    expect((await peer.answer(1)).head.get(':status')).toBe('400')
    peer.send(calling(3, [...call('/shop.Reviews/Get'), ['Upper', 'x']]))
    expect(await peer.reset(3)).toBe(CODE.PROTOCOL_ERROR)
    peer.destroy()
  })
})

describe("[H2-19] the mesh's own errors: HTTP 200, trailers-only", () => {
  const to = (authority: string, fields: readonly Pair[]) =>
    fields.map(([name, value]): Pair => [name, name === ':authority' ? authority : value])
  const errors: readonly [title: string, fields: readonly Pair[], code: string, cause: string][] = [
    ['404, no route: UNIMPLEMENTED', to('routed', call('/shop.Other/Get')), '12', 'route-not-found'],
    ['503, nobody there: UNAVAILABLE', to('nobody', call('/shop.Reviews/Get')), '14', 'no-healthy-endpoint'],
    ['504, too late: DEADLINE_EXCEEDED', to('routed', call('/shop.Slow/Get')), '4', 'request-timeout'],
  ]
  test.each(errors)('%s', async (_, fields, code, cause) => {
    edge.upstream.answer = () => undefined
    const peer = await edge.open('application')
    peer.send(calling(1, fields))
    const got = await outcome(peer, 1)
    expect(got).toMatchObject({ status: '200', kind: 'trailers-only', code, cause, body: '' })
    expect(got.message).toContain('selvedge')
    expect(peer.headOf(1)!.get('content-type')).toMatch(/^application\/grpc/)
    peer.destroy()
  })
})

test('[H2-16] [H2-17] [H2-18] [H2-19] nothing broke, and nothing is left under way', async () => {
  await expectInOrder(edge)
  for (const door of DOORS satisfies readonly DoorName[]) await expectAlive(edge, door)
})
