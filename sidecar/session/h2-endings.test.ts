import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  block,
  data,
  END_HEADERS,
  END_STREAM,
  goaway,
  headers,
  PREFACE,
  ping,
  request,
  reset,
  settings,
  windowUpdate,
} from '../../test/conformance/h2/wire.ts'
import { FakeSocket, settled } from '../../test/fakes/socket.ts'
import { ServerFirst } from '../detect/mod.ts'
import {
  type Exchange,
  NO_BODY,
  ownHead,
  type RequestHead,
  type ResponseHead,
  type TunnelEnd,
  type TunnelNear,
} from '../http/mod.ts'
import { Turn } from '../transport/mod.ts'
import type { ClientEvents } from './client.ts'
import { Asker, ends, framesOf, GET } from './h2-pair.fixture.ts'
import { H2ServerSession } from './h2-server.ts'
import { STREAM_WINDOW } from './h2-stream.ts'

// Ends that come at the wrong moment, and peers that do more of something than most.

const WHOLE = END_HEADERS | END_STREAM
const TYPE = { data: 0, headers: 1, reset: 3, ping: 6, goaway: 7 } as const
const ENHANCE_YOUR_CALM = 11
const CANCEL = 8
const REFUSED_STREAM = 7
const WEBSOCKET: RequestHead = { ...GET, upgrade: 'websocket' }
const CONNECT: RequestHead = { ...GET, method: 'CONNECT', target: 'a:1', authority: 'a:1' }

/** The server's end alone: the test is its caller, byte for byte. */
function server() {
  const clock = { nowMs: 1_000 }
  const socket = new FakeSocket({ allowHalfOpen: true })
  const begun: Exchange[] = []
  const refused: string[] = []
  const session = new H2ServerSession(socket.asSocket, { kind: 'application' }, 0, {
    turn: new Turn(() => clock.nowMs),
    serverFirst: new ServerFirst(() => clock.nowMs),
    begin: x => void begun.push(x),
    connect: () => {},
    accept: () => {},
    refused: (_, why) => void refused.push(why.detail),
    detected: () => {},
    broken: error => {
      throw error
    },
    opened: () => {},
    closed: () => {},
    draining: () => false,
  })
  const say = (...parts: readonly Buffer[]): Promise<void> => socket.receive(Buffer.concat(parts))
  return { clock, socket, session, begun, refused, say }
}

async function greeted() {
  const all = server()
  await all.say(PREFACE, settings())
  all.socket.takeSent()
  return all
}

const get = (id: number): Buffer => headers(id, block(request('GET', '/')), WHOLE)
const post = (id: number): Buffer => headers(id, block(request('POST', '/')), END_HEADERS)
const codes = (sent: string, type: number): number[] =>
  framesOf(sent)
    .filter(frame => frame.type === type)
    .map(({ payload }) => payload.charCodeAt(payload.length - 1))

describe('a switch of protocols that waits for the settings of its server', () => {
  test.each<[string, (one: ReturnType<typeof ends>) => Promise<void>]>([
    ['closes the connection', ({ near }) => near.receiveEnd()],
    ['resets the connection', ({ near }) => near.receiveReset()],
    ['speaks no HTTP/2', ({ near }) => near.receive('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['goes away', ({ near }) => near.receive(Buffer.concat([settings([8, 1]), goaway(0, 0)]))],
  ])('is told when that %s', async (_, end) => {
    const pair = ends()
    const asker = new Asker()
    pair.client.open().send(WEBSOCKET, asker)
    await settled()
    expect(asker.heard).toEqual([])
    await end(pair)
    await settled()
    expect(asker.heard).toEqual(['failed: refused'])
  })

  test('is told when that never says a word', async () => {
    const { client, clock } = ends()
    const asker = new Asker()
    client.open().send(WEBSOCKET, asker)
    for (let i = 0; i < 20; i++) {
      clock.nowMs += 1_000
      client.tend(clock.nowMs)
      await settled()
    }
    expect(asker.heard).toEqual(['failed: refused'])
  })
})

describe('a tunnel whose near side is gone', () => {
  async function tunnel() {
    const pair = ends()
    const asked: { far?: TunnelEnd } = {}
    const nothing = (): void => undefined
    const events: ClientEvents = Object.assign(new Asker() as Omit<Asker, 'onSwitch'>, {
      onSwitch: (_: ResponseHead, far: TunnelEnd): TunnelNear => {
        asked.far = far
        return { tunnelWrite: () => true, tunnelEnd: nothing, tunnelClose: nothing, breakOff: nothing, resume: nothing }
      },
    })
    await pair.exchange()
    pair.client.open().send(CONNECT, events)
    await settled()
    pair.near.takeSent()
    await pair.near.receive(headers(1, block([[':status', '200']]), END_HEADERS))
    return { ...pair, far: asked.far! }
  }

  test('is ended at the far side, though the near side had ended its half before', async () => {
    const { client, far, near } = await tunnel()
    far.data(Buffer.from('last words'))
    far.end()
    await settled()
    expect(codes(near.takeSent(), TYPE.reset)).toEqual([])
    await near.receive(data(1, 'more'))
    far.closed()
    await settled()
    expect(codes(near.takeSent(), TYPE.reset)).toEqual([CANCEL])
    expect(client.streams).toBe(0)
  })

  test('behind all that the near side had sent', async () => {
    const { client, far, near } = await tunnel()
    far.data(Buffer.alloc(300_000))
    far.end()
    far.closed()
    await settled()
    expect(codes(near.takeSent(), TYPE.reset)).toEqual([])
    await near.receive(Buffer.concat([windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000)]))
    const sent = framesOf(near.takeSent())
    expect(sent.filter(({ type }) => type === TYPE.data).reduce((sum, { payload }) => sum + payload.length, 0)).toBe(
      300_000 - STREAM_WINDOW,
    )
    expect(sent.at(-1)).toMatchObject({ type: TYPE.reset })
    expect(client.streams).toBe(0)
  })
})

describe('a caller that is told to go elsewhere', () => {
  test('and has more on its way loses nothing of what is served', async () => {
    const { begun, clock, refused, say, session, socket } = await greeted()
    await say(get(1))
    session.closeWhenIdle()
    clock.nowMs += 1_000
    session.tend(clock.nowMs)
    await settled()
    socket.takeSent()
    await say(post(3), data(3, 'body'), windowUpdate(3, 100), data(3, 'more', END_STREAM), reset(3, CANCEL))
    expect(codes(socket.takeSent(), TYPE.reset)).toEqual([REFUSED_STREAM])
    expect(refused).toEqual([])
    begun[0]?.reply(ownHead(200, 'OK', [], 2), Buffer.from('ok'))
    await settled()
    expect(framesOf(socket.takeSent()).map(({ type }) => type)).toEqual([TYPE.headers, TYPE.data])
  })

  describe('and reads slowly', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    test('gets the whole of its last answer, and is waited for', async () => {
      const { begun, clock, say, session, socket } = await greeted()
      await say(get(1))
      session.closeWhenIdle()
      clock.nowMs += 1_000
      session.tend(clock.nowMs)
      await settled()
      socket.stall()
      begun[0]?.reply(ownHead(200, 'OK', [], 50_000), Buffer.alloc(50_000, 'x'))
      await settled()
      expect([session.exchanges, session.unsent]).toEqual([0, true])
      vi.advanceTimersByTime(30_000)
      expect(socket.destroyed).toBe(false)
      await socket.unstall()
      expect(session.unsent).toBe(false)
      expect(socket.finished).toBe(true)
      expect(socket.sent.split('x').length).toBeGreaterThan(50_000)
      vi.advanceTimersByTime(1_000)
      expect(socket.destroyed).toBe(true)
    })

    test('is not waited for when it reads nothing at all', async () => {
      const { say, session, socket } = await greeted()
      await say(get(1), reset(1, CANCEL))
      socket.stall()
      session.closeWhenIdle()
      await say(ping(1))
      vi.advanceTimersByTime(60_000)
      expect(socket.destroyed).toBe(true)
    })
  })
})

test('a frame that comes in two pieces after a long silence is no slow one', async () => {
  const { begun, clock, say, session } = await greeted()
  clock.nowMs += 60_000
  const frame = get(1)
  await say(frame.subarray(0, 20))
  session.tend(clock.nowMs)
  expect([session.phase, clock.nowMs - session.lastActiveMs]).toEqual(['head', 0])
  clock.nowMs += 9_000
  session.tend(clock.nowMs)
  // Its time goes on.
  expect(clock.nowMs - session.lastActiveMs).toBe(9_000)
  await say(frame.subarray(20))
  expect(begun).toHaveLength(1)
})

describe('[H2-5] no flood:', () => {
  async function streaming() {
    const all = await greeted()
    await all.say(get(1))
    const [x] = all.begun
    x?.respond({ ...ownHead(200, 'OK', [], 0), body: { kind: 'chunked' } })
    return { ...all, message: () => x?.data(Buffer.from('message')) }
  }

  test('a PING for each message, as gRPC measures bandwidth', async () => {
    const { message, refused, say } = await streaming()
    for (let i = 0; i < 5_000; i++) {
      message()
      await say(ping(), windowUpdate(1, 7), windowUpdate(0, 7))
    }
    expect(refused).toEqual([])
  })

  test('two small WINDOW_UPDATEs for each message, as simple clients give windows back', async () => {
    const { message, refused, say } = await streaming()
    for (let i = 0; i < 20_000; i++) {
      message()
      if (i % 50 === 49) await say(...Array.from({ length: 50 }, () => [windowUpdate(1, 7), windowUpdate(0, 7)]).flat())
    }
    expect(refused).toEqual([])
  })

  test('one request that is given up at once for each that is served, as clients that hedge do', async () => {
    const { begun, refused, say } = await greeted()
    for (let i = 0; i < 1_000; i++) {
      await say(get(4 * i + 1), get(4 * i + 3))
      begun.at(-1)?.reply(ownHead(204, 'No Content', [], 0), Buffer.alloc(0))
      await say(reset(4 * i + 1, CANCEL))
    }
    expect(refused).toEqual([])
  })
})

test('[H2-5] answers that nobody reads are not kept without end', async () => {
  const { begun, refused, say, socket } = await greeted()
  socket.stall()
  const large = 'v'.repeat(8_000)
  for (let id = 1; id < 8_000 && refused.length === 0; id += 2) {
    await say(get(id))
    begun
      .at(-1)
      ?.reply({ ...ownHead(204, 'No Content', [['x-large', `${large}${id}`]], 0), body: NO_BODY }, Buffer.alloc(0))
  }
  expect(refused).toEqual([expect.stringMatching(/not read/)])
  expect(begun.length).toBeLessThan(2_000)
  await socket.unstall()
  expect(codes(socket.sent.slice(-17), TYPE.goaway)).toEqual([ENHANCE_YOUR_CALM])
})

test('[H2-5] a body in frames of one byte, for which there is no room yet, costs little more than its bytes', async () => {
  const { client, exchange, near } = ends()
  await exchange()
  const stream = client.open()
  stream.send({ ...GET, method: 'POST', body: { kind: 'chunked' } }, new Asker())
  await settled()
  const byte = Buffer.from('x')
  for (let i = 0; i < STREAM_WINDOW; i++) stream.write(byte)
  expect(stream.waitingBytes).toBeGreaterThan(200_000)
  near.stall()
  const startMs = performance.now()
  await near.unstall()
  while (stream.waitingBytes > 0) await settled()
  // As one buffer for each, it stood still for 12 s.
  expect(performance.now() - startMs).toBeLessThan(2_000)
})
