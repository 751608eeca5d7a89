import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../in-process/mesh.ts'
import {
  counter,
  DOORS,
  type DoorName,
  expectAlive,
  expectInOrder,
  expectServed,
  type H2Edge,
  startH2Edge,
} from './kit.ts'
import { settledBytes } from './memory.ts'
import type { RawPeer } from './raw-peer.ts'
import {
  block,
  CODE,
  data,
  END_HEADERS,
  END_STREAM,
  headers,
  request,
  SETTING,
  settings,
  TYPE,
  windowUpdate,
} from './wire.ts'

// CHECKLIST, H2-6 and H2-7: flow control that is used against us. The clock leaps; the sweep runs each second.

const MEBIBYTE = 1024 * 1024
/** More than any of ours: a stream that moves nothing for so long is over. */
const STALL_MS = 300_000
const TIMED_OUT = 'selvedge_refusals_total{cause="request-timeout"}'

let edge: H2Edge
let leapMs = 0
beforeAll(async () => {
  edge = await startH2Edge({
    options: { clock: { nowMs: () => performance.now() + leapMs, wallMs: () => Date.now() } },
  })
  for (const door of DOORS) await expectAlive(edge, door)
})
afterAll(() => edge.close())
afterEach(() => edge.upstream.reset())

/** Settles when nothing more has moved for a while. */
async function standstill(moved: () => number): Promise<void> {
  let before = -1
  await until(async () => {
    const now = moved()
    const stands = now === before
    before = now
    await new Promise(resolve => setTimeout(resolve, 100))
    return stands
  })
}

interface Closed {
  readonly title: string
  readonly open: (door: DoorName) => Promise<RawPeer>
  /** Bytes of the body that may have come. */
  readonly taken: number
  /** Opens what was closed. */
  readonly reopen: Buffer
}

const CLOSED: readonly Closed[] = [
  {
    title: 'an initial window of 0',
    open: door => edge.open(door, { settings: [[SETTING.INITIAL_WINDOW_SIZE, 0]], reading: false }),
    taken: 0,
    reopen: settings([SETTING.INITIAL_WINDOW_SIZE, 65_535]),
  },
  {
    title: 'a window that is never opened again',
    open: door => edge.open(door, { reading: false }),
    taken: 65_535,
    reopen: windowUpdate(0, 65_535),
  },
  {
    title: 'a window that closes while bytes wait for it',
    open: async door => {
      const peer = await edge.open(door, { reading: false })
      peer.onFrame = ({ type, stream }) => {
        if (type === TYPE.DATA && stream === 1) peer.send(settings([SETTING.INITIAL_WINDOW_SIZE, 0]))
      }
      return peer
    },
    taken: 65_535,
    reopen: Buffer.concat([settings([SETTING.INITIAL_WINDOW_SIZE, 65_535]), windowUpdate(0, 65_535)]),
  },
]

describe.each(DOORS)('[H2-6] at the door for %ss', door => {
  test.each(CLOSED)('$title: what waits is bounded, and the stream ends', async ({ open, taken, reopen }) => {
    let pouring = { sent: 0, over: false }
    edge.upstream.answer = (heard, reply) => {
      if (heard.head.includes('/pour')) pouring = reply.pour()
      else reply.send(200, [], 'ok')
    }
    const before = await counter(edge.doors[door].sidecar, TIMED_OUT)
    const bytes = settledBytes()
    const peer = await open(door)
    // Behind two sidecars the second would see it, too, and might be the first to say so.
    const host = door === 'application' ? 'plain' : 'app'
    peer.request(
      1,
      request('GET', '/pour').map(([name, value]) => [name, name === ':authority' ? host : value]),
    )
    await peer.when(() => peer.headOf(1), 'the head of the answer')
    await standstill(() => pouring.sent)
    expect(peer.bodyOf(1).length).toBe(taken)
    // Two sidecars and both ends of each connection are in this process.
    await until(() => settledBytes() - bytes < 4 * MEBIBYTE)
    // Windows bound what HTTP/2 takes from the application; of HTTP/1.1 the kernel holds some besides.
    if (edge.upstream.of('/pour')[0]!.protocol === 'http2') expect(pouring.sent).toBeLessThanOrEqual(taken + MEBIBYTE)

    leapMs += STALL_MS
    expect(await peer.reset(1)).toBe(CODE.CANCEL)
    expect(peer.seen(1).ended).toBe(false)
    await until(() => pouring.over)
    await until(() => edge.doors[door].sidecar.log().some(({ why }) => /answer was not read/.test(String(why))))
    await until(async () => (await counter(edge.doors[door].sidecar, TIMED_OUT)) > before)
    // The connection is in order, and others were never concerned.
    peer.onFrame = () => undefined
    peer.send(reopen)
    await expectServed(peer, 3)
    peer.destroy()
    await expectAlive(edge, door)
  })

  test('one that reads slowly, but reads, is served whole', async () => {
    edge.upstream.answer = (_, reply) => reply.send(200, [], 'x'.repeat(200_000))
    const peer = await edge.open(door, { settings: [[SETTING.INITIAL_WINDOW_SIZE, 1_000]], reading: false })
    peer.request(1, request('GET', '/slow'))
    peer.onFrame = ({ type, payload }) => {
      if (type !== TYPE.DATA) return
      leapMs += 100
      peer.send(windowUpdate(1, payload.length), windowUpdate(0, payload.length))
    }
    expect((await peer.answer(1)).body).toHaveLength(200_000)
    peer.destroy()
  })

  test('one stream that nobody reads holds up no other of the connection', async () => {
    edge.upstream.answer = (heard, reply) => {
      if (heard.head.includes('/pour')) reply.pour()
      else reply.send(200, [], 'ok')
    }
    const peer = await edge.open(door, { settings: [[SETTING.INITIAL_WINDOW_SIZE, 1_000]], reading: false })
    peer.request(1, request('GET', '/pour'))
    await peer.when(() => (peer.bodyOf(1).length === 1_000 ? true : undefined), 'a window full')
    for (const id of [3, 5, 7]) await expectServed(peer, id)
    peer.destroy()
  })
})

describe.each(DOORS)('[H2-7] at the door for %ss', door => {
  test('more DATA than the window of a stream: RST_STREAM FLOW_CONTROL_ERROR, and what follows costs nothing', async () => {
    edge.upstream.onHead = (heard, reply) => {
      if (heard.head.includes('/blind')) reply.stopReading()
    }
    const bytes = settledBytes()
    const peer = await edge.open(door)
    peer.send(headers(1, block(request('POST', '/blind')), END_HEADERS))
    await until(() => edge.upstream.of('/blind').length === 1)
    const piece = Buffer.concat(Array.from({ length: 4 }, () => data(1, Buffer.alloc(16_384))))
    for (
      let sent = 0;
      sent < 32 * MEBIBYTE && peer.seen(1).reset === undefined && peer.closed === 'no';
      sent += 65_536
    ) {
      peer.send(piece)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(await peer.reset(1)).toBe(CODE.FLOW_CONTROL_ERROR)
    await until(() => settledBytes() - bytes < 4 * MEBIBYTE)
    await expectServed(peer, 3)
    peer.destroy()
  })

  test('a window of a stream past 2^31-1: RST_STREAM FLOW_CONTROL_ERROR', async () => {
    edge.upstream.answer = (heard, reply) => {
      if (!heard.head.includes('/open')) reply.send(200, [], 'ok')
    }
    const peer = await edge.open(door)
    peer.send(headers(1, block(request('GET', '/open')), END_HEADERS | END_STREAM), windowUpdate(1, 0x7fff_ffff))
    expect(await peer.reset(1)).toBe(CODE.FLOW_CONTROL_ERROR)
    await until(() => edge.upstream.of('/open').every(({ broken }) => broken))
    await expectServed(peer, 3)
    peer.destroy()
  })

  test('windows that grow and shrink by SETTINGS are kept to, below zero too (RFC 9113, 6.9.2)', async () => {
    edge.upstream.answer = (_, reply) => reply.send(200, [], 'x'.repeat(5_000))
    const peer = await edge.open(door, { settings: [[SETTING.INITIAL_WINDOW_SIZE, 1_000]], reading: false })
    peer.request(1, request('GET', '/windows'))
    const came = (length: number) =>
      peer.when(() => (peer.bodyOf(1).length === length ? true : undefined), `${length} bytes`)
    await came(1_000)
    // 900 below zero, then 100 above it.
    peer.send(settings([SETTING.INITIAL_WINDOW_SIZE, 100]))
    await peer.sync()
    peer.send(windowUpdate(1, 1_000))
    await came(1_100)
    peer.send(settings([SETTING.INITIAL_WINDOW_SIZE, 2_000]))
    await came(3_000)
    peer.send(windowUpdate(1, 2_000))
    expect((await peer.answer(1)).body).toHaveLength(5_000)
    peer.destroy()
  })
})

test('[H2-6] [H2-7] nothing broke, and nothing is left under way', () => expectInOrder(edge))
