import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../in-process/mesh.ts'
import {
  counter,
  DOORS,
  type DoorName,
  expectInOrder,
  expectReset,
  expectServed,
  type H2Edge,
  startH2Edge,
} from './kit.ts'
import { block, CODE, data, END_HEADERS, END_STREAM, frame, headers, PADDED, type Pair, request, TYPE } from './wire.ts'

// CHECKLIST, H2: bodies that are not what their heads say, and what comes for streams that are over.

let edge: H2Edge
beforeAll(async () => {
  edge = await startH2Edge()
})
afterAll(() => edge.close())
afterEach(() => edge.upstream.reset())

const POST = (path: string, ...fields: Pair[]) => request('POST', path, ...fields)
const requestsTotal = async (door: DoorName): Promise<number> => {
  const text = await edge.doors[door].sidecar.page('/metrics')
  return text
    .split('\n')
    .filter(line => line.startsWith('selvedge_requests_total{'))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

describe.each(DOORS)('at the door for %ss', door => {
  test.each([
    ['[H2-14] DATA beyond content-length', [data(1, 'abc'), data(1, 'defg')]],
    ['[H2-14] DATA beyond content-length, in the frame that ends', [data(1, 'abcdefg', END_STREAM)]],
    ['[H2-14] DATA short of content-length', [data(1, 'abc'), data(1, 'd', END_STREAM)]],
    ['[H2-14] no DATA where content-length says some', [data(1, '', END_STREAM)]],
    [
      '[H2-14] trailers before content-length is reached',
      [data(1, 'abc'), headers(1, block([['x-t', '1']]), END_HEADERS | END_STREAM)],
    ],
    [
      '[H2-14] padding that makes up the length',
      [frame(TYPE.DATA, PADDED | END_STREAM, 1, Buffer.from([2, 97, 98, 99, 0, 0]))],
    ],
  ])('%s: RST_STREAM, and nobody upstream takes it for whole', async (_, frames) => {
    const peer = await edge.open(door)
    peer.send(headers(1, block(POST('/cut', ['content-length', '5'])), END_HEADERS), ...frames)
    await expectReset(peer, 1, CODE.PROTOCOL_ERROR)
    await expectServed(peer, 3)
    // Where it was forwarded before it went wrong, it is broken off there too.
    await until(() => edge.upstream.of('/cut').every(({ broken }) => broken))
    expect(edge.upstream.of('/cut').filter(({ ended }) => ended)).toEqual([])
    peer.destroy()
  })

  test('[H2-14] END_STREAM with a head that says a length: RST_STREAM, and nothing goes upstream', async () => {
    const peer = await edge.open(door)
    peer.send(headers(1, block(POST('/never', ['content-length', '5'])), END_HEADERS | END_STREAM))
    await expectReset(peer, 1, CODE.PROTOCOL_ERROR)
    await expectServed(peer, 3)
    expect(edge.upstream.of('/never')).toEqual([])
    peer.destroy()
  })

  test.each(['-1', '+5', '5,5', '0x5', '5 ', '1e1', '', '99999999999999999999'])(
    '[H2-14] content-length "%s": RST_STREAM',
    async length => {
      const peer = await edge.open(door)
      peer.send(
        headers(1, block(POST('/never', ['content-length', length])), END_HEADERS),
        data(1, 'abcde', END_STREAM),
      )
      await expectReset(peer, 1, CODE.PROTOCOL_ERROR)
      await expectServed(peer, 3)
      expect(edge.upstream.of('/never')).toEqual([])
      peer.destroy()
    },
  )

  test('[H2-14] two lengths that differ: RST_STREAM', async () => {
    const peer = await edge.open(door)
    const fields = POST('/never', ['content-length', '5'], ['content-length', '6'])
    peer.send(headers(1, block(fields), END_HEADERS), data(1, 'abcde', END_STREAM))
    await expectReset(peer, 1, CODE.PROTOCOL_ERROR)
    await expectServed(peer, 3)
    peer.destroy()
  })

  test('[H2-14] a body of unknown length that is reset never looks whole upstream', async () => {
    const peer = await edge.open(door)
    peer.send(headers(1, block(POST('/half')), END_HEADERS), data(1, 'half'))
    await until(() => edge.upstream.of('/half')[0]?.body === 'half')
    peer.send(frame(TYPE.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, CODE.CANCEL])))
    await until(() => edge.upstream.of('/half')[0]!.broken)
    expect(edge.upstream.of('/half')).toMatchObject([{ ended: false }])
    await expectServed(peer, 3)
    peer.destroy()
  })

  test('[H2-14] what is as long as it says is served: at once, in pieces, padded', async () => {
    const peer = await edge.open(door)
    const fields = block(POST('/whole', ['content-length', '5']))
    peer.send(headers(1, fields, END_HEADERS), data(1, 'abcde', END_STREAM))
    peer.send(headers(3, fields, END_HEADERS), data(3, 'ab'), data(3, ''), data(3, 'cde'), data(3, '', END_STREAM))
    peer.send(
      headers(5, fields, END_HEADERS),
      frame(TYPE.DATA, PADDED | END_STREAM, 5, Buffer.from([2, 97, 98, 99, 100, 101, 0, 0])),
    )
    for (const id of [1, 3, 5]) expect((await peer.answer(id)).body).toBe('ok')
    const whole = edge.upstream.of('/whole').map(({ body, ended }) => [body, ended])
    expect(whole).toEqual(Array(3).fill(['abcde', true]))
    peer.destroy()
  })

  test('[H2-14] an answer that is cut short is never taken for whole', async () => {
    edge.upstream.answer = (_, reply) => reply.cut()
    const peer = await edge.open(door)
    peer.request(1, request('GET', '/short'))
    await peer.reset(1)
    expect(peer.seen(1).ended).toBe(false)
    peer.destroy()
  })

  test('[H2-15] DATA after a reset of ours: ignored, no filter runs, and the connection has its window back', async () => {
    const peer = await edge.open(door)
    await expectServed(peer, 1)
    await until(async () => (await requestsTotal(door)) > 0)
    const before = await requestsTotal(door)
    peer.send(headers(3, block([...POST('/never'), ['Upper', 'x']]), END_HEADERS))
    await expectReset(peer, 3, CODE.PROTOCOL_ERROR)
    const frames = peer.frames.length
    // Five megabytes: more than the connection's window ever is, were it not given back.
    const window = () =>
      peer.frames.reduce(
        (sum, { type, stream, payload }) =>
          sum + (type === TYPE.WINDOW_UPDATE && stream === 0 ? payload.readUInt32BE(0) : 0),
        65_535,
      )
    let sent = 0
    while (sent < 5 * 1024 * 1024) {
      await peer.when(() => (window() - sent >= 16_384 ? true : undefined), 'window')
      peer.send(data(3, Buffer.alloc(16_384)))
      sent += 16_384
    }
    peer.send(headers(3, block([['x-t', '1']]), END_HEADERS | END_STREAM))
    await peer.sync()
    // Nothing was said of it, but for windows and the answer to our PING.
    expect(peer.frames.slice(frames).filter(({ type }) => type !== TYPE.WINDOW_UPDATE && type !== TYPE.PING)).toEqual(
      [],
    )
    peer.send(headers(5, block(POST('/after')), END_HEADERS), data(5, 'all of it', END_STREAM))
    expect((await peer.answer(5)).body).toBe('ok')
    expect(edge.upstream.of('/never')).toEqual([])
    await until(async () => (await requestsTotal(door)) >= before + 1)
    expect(await requestsTotal(door)).toBe(before + 1)
    peer.destroy()
  })

  test('[H2-15] DATA after a reset of the caller: nothing of it goes upstream', async () => {
    const peer = await edge.open(door)
    peer.send(headers(1, block(POST('/left')), END_HEADERS), data(1, 'said'))
    await until(() => edge.upstream.of('/left')[0]?.body === 'said')
    peer.send(frame(TYPE.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, CODE.CANCEL])), data(1, 'unsaid', END_STREAM))
    await until(() => edge.upstream.of('/left')[0]!.broken)
    expect(edge.upstream.of('/left')).toMatchObject([{ body: 'said', ended: false }])
    await expectServed(peer, 3)
    peer.destroy()
  })

  test('trailers with a pseudo-field, or without END_STREAM: RST_STREAM', async () => {
    const peer = await edge.open(door)
    peer.send(
      headers(1, block(POST('/t')), END_HEADERS),
      headers(1, block([[':path', '/x']]), END_HEADERS | END_STREAM),
    )
    await expectReset(peer, 1, CODE.PROTOCOL_ERROR)
    peer.send(headers(3, block(POST('/t')), END_HEADERS), headers(3, block([['x-t', '1']]), END_HEADERS))
    await expectReset(peer, 3, CODE.PROTOCOL_ERROR)
    await expectServed(peer, 5)
    peer.destroy()
  })
})

test('[H2-14] [H2-15] nothing broke, and nothing is left under way', async () => {
  await expectInOrder(edge)
  for (const door of DOORS) expect(await counter(edge.doors[door].sidecar, 'selvedge_broken_exchanges_total')).toBe(0)
})
