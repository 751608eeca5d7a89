import { describe, expect, test } from 'vitest'
import { FakeSocket, settled } from '../../test/fakes/socket.ts'
import { Headers, NO_BODY, type RequestHead } from '../http/mod.ts'
import { Turn } from '../transport/mod.ts'
import { type ClientCarriage, type ClientEvents, EndpointPool } from './mod.ts'

const GET: RequestHead = {
  method: 'GET',
  target: '/',
  authority: 'a',
  headers: Headers.empty(),
  body: NO_BODY,
  httpVersion: 1,
  grpc: false,
  minorVersion: 1,
  keepAlive: true,
  expectContinue: false,
  upgrade: undefined,
  hasMeshFields: false,
  traceparent: undefined,
}
const nothing: ClientEvents = {
  onInform: () => {},
  onHead: () => {},
  onSwitch: () => undefined,
  onData: () => true,
  onEnd: () => {},
  onFailure: () => {},
  onDrain: () => {},
}
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

function pooled() {
  const clock = { nowMs: 0 }
  const state = { taker: undefined as ((session: ClientCarriage) => boolean) | undefined, ended: 0 }
  const pool = new EndpointPool({
    turn: new Turn(() => clock.nowMs),
    wanted: () => state.taker !== undefined,
    offer: session => state.taker?.(session) ?? false,
    connectionClosed: () => void state.ended++,
    broken: () => {},
  })
  /** A connection that has answered one request. */
  async function used(answer = ANSWER) {
    const socket = new FakeSocket({ allowHalfOpen: false })
    const session = pool.adopt(socket.asSocket)
    session.send(GET, nothing)
    await socket.receive(answer)
    return { socket, session }
  }
  return { pool, clock, state, used }
}

describe('a pool', () => {
  test('gives the connection that was used last, and each to one request', async () => {
    const { pool, used } = pooled()
    const [first, second] = [await used(), await used()]
    expect(pool.size).toBe(2)
    expect(pool.take()).toBe(second.session)
    expect(pool.take()).toBe(first.session)
    expect(pool.take()).toBeUndefined()
  })

  test('gives none that has ended, even before that has been told', async () => {
    const { pool, used } = pooled()
    const [first, second, third] = [await used(), await used(), await used()]
    second.socket.destroy()
    third.socket.destroy()
    expect(pool.take()).toBe(first.session)
  })

  test('forgets what has ended', async () => {
    const { pool, used, state } = pooled()
    const { socket } = await used()
    await socket.receiveEnd()
    expect(pool.size).toBe(0)
    expect(state.ended).toBe(1)
    expect(pool.take()).toBeUndefined()
  })

  test('offers a free connection to those who wait before it puts it by', async () => {
    const { pool, used, state } = pooled()
    const offered: ClientCarriage[] = []
    state.taker = session => offered.push(session) > 0
    const { session } = await used()
    expect(offered).toEqual([session])
    expect(pool.take()).toBeUndefined()
  })

  test('closes what has been idle for too long, and nothing else', async () => {
    const { pool, used, clock } = pooled()
    const old = await used()
    clock.nowMs = 1_000
    const young = await used()
    clock.nowMs = 5_000
    pool.closeIdle(4_000)
    expect(old.socket.destroyed).toBe(true)
    expect(young.socket.destroyed).toBe(false)
    await settled()
    expect(pool.size).toBe(1)
    clock.nowMs = 5_001
    pool.closeIdle(4_000)
    expect(young.socket.destroyed).toBe(true)
  })

  test('waits a second for the rest of an answer that nobody wants', async () => {
    const { pool, clock } = pooled()
    const socket = new FakeSocket({ allowHalfOpen: false })
    const session = pool.adopt(socket.asSocket)
    session.send(GET, nothing)
    await socket.receive('HTTP/1.1 503 x\r\nContent-Length: 5\r\n\r\n')
    session.discardAnswer()
    clock.nowMs = 1_000
    pool.closeIdle(60_000)
    expect(socket.destroyed).toBe(false)
    clock.nowMs = 1_001
    pool.closeIdle(60_000)
    expect(socket.destroyed).toBe(true)
    await settled()
    expect(pool.size).toBe(0)
  })

  test('that is retired while a connection is being made lets it carry its request, and keeps it not', async () => {
    const { pool } = pooled()
    const { era } = pool
    pool.retireAll()
    const socket = new FakeSocket({ allowHalfOpen: false })
    const session = pool.adopt(socket.asSocket, undefined, era)
    expect(session.carriage()).toBe(session)
    session.send(GET, nothing)
    expect(session.carriage()).toBeUndefined()
    await socket.receive(ANSWER)
    expect(session.carriage()).toBeUndefined()
    expect(socket.sent).toContain('GET / HTTP/1.1')
    expect(socket.destroyed).toBe(true)
    expect(pool.take()).toBeUndefined()
    expect(pool.size).toBe(0)
  })

  test('that is closed keeps nothing, whenever it was begun', async () => {
    const { pool, used, state } = pooled()
    pool.close()
    const { socket } = await used()
    expect(socket.destroyed).toBe(true)
    expect(pool.take()).toBeUndefined()
    expect(state.ended).toBe(1)
  })

  test('that is outdated hands out its connections, the longest free first, and keeps none that is being made', async () => {
    const { pool, used } = pooled()
    const [oldest, newest] = [await used(), await used()]
    const busy = await used()
    pool.take()?.send(GET, nothing)
    const { era } = pool
    expect(pool.outdated()).toEqual([oldest.session, newest.session, busy.session])
    // They serve until they are retired.
    expect(pool.take()).toBe(newest.session)
    oldest.session.retire()
    expect(oldest.socket.destroyed).toBe(true)
    expect(pool.take()).toBeUndefined()
    const late = new FakeSocket({ allowHalfOpen: false })
    pool.adopt(late.asSocket, undefined, era).send(GET, nothing)
    await late.receive(ANSWER)
    expect(late.destroyed).toBe(true)
  })

  test('that is retired closes what is free at once, and the others after their answers', async () => {
    const { pool, used } = pooled()
    const free = await used()
    const busy = await used()
    pool.take()?.send(GET, nothing)
    pool.retireAll()
    expect(free.socket.destroyed).toBe(true)
    expect(busy.socket.destroyed).toBe(false)
    expect(pool.take()).toBeUndefined()
    await busy.socket.receive(ANSWER)
    expect(busy.socket.destroyed).toBe(true)
    expect(pool.take()).toBeUndefined()
  })

  test('uses no connection that its server may be closing: so it said', async () => {
    const { pool, used, clock } = pooled()
    const said = ANSWER.replace('\r\n\r\n', '\r\nKeep-Alive: timeout=5\r\n\r\n')
    const [older, newer] = [await used(said), await used(said)]
    clock.nowMs = 4_000
    expect(pool.take()).toBe(newer.session)
    clock.nowMs = 4_001
    expect(pool.take()).toBeUndefined()
    expect(older.socket.destroyed).toBe(true)
    // It is kept for as long as its server keeps it, where that is longer than for others.
    const another = await used(said)
    clock.nowMs = 8_001
    pool.closeIdle(3_500)
    expect(another.socket.destroyed).toBe(false)
    clock.nowMs = 8_002
    pool.closeIdle(3_500)
    expect(another.socket.destroyed).toBe(true)
  })

  test('uses no connection that its server may be closing: so it did', async () => {
    const { pool, used, clock } = pooled()
    for (const atMs of [2_000, 10_000]) {
      clock.nowMs = atMs - 2_000
      const { socket } = await used()
      clock.nowMs = atMs
      await socket.receiveEnd()
    }
    const { session } = await used()
    clock.nowMs = 11_000
    expect(pool.take()).toBe(session)
    await used()
    clock.nowMs = 12_001
    expect(pool.take()).toBeUndefined()
  })

  test('learns nothing from connections that it closes itself', async () => {
    const { pool, used, clock } = pooled()
    for (let n = 0; n < 3; n++) {
      await used()
      clock.nowMs += 4_000
      pool.closeIdle(3_500)
      await settled()
    }
    const { session } = await used()
    clock.nowMs += 3_900
    expect(pool.take()).toBe(session)
  })
})
