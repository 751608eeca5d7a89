import { describe, expect, test } from 'vitest'
import { settled } from '../../test/fakes/socket.ts'
import { ownHead } from '../http/mod.ts'
import { Asker, ends, framesOf, GET } from './h2-pair.fixture.ts'

const FRAME_PING = 6
const FRAME_GOAWAY = 7
const ACK = 1

test('a request and its answer pass, and what is said in one turn leaves in one write', async () => {
  const { asked, begun, exchange, far } = ends()
  const asker = await asked()
  const [x] = begun
  expect(x?.request.headers.get('x-own')).toBe('yes')
  expect(x?.request.headers.get('host')).toBe('a')
  const before = far.writes.length
  x?.reply(ownHead(200, 'OK', [], 5), Buffer.from('hello'))
  await exchange()
  expect(asker.heard).toEqual(['head 200', 'data hello', 'end'])
  expect(far.writes.length).toBe(before + 1)
})

describe('[FAULT-6] a far end that is gone without a word', () => {
  test('is asked by the one who waits for its answer, and given up when it says nothing', async () => {
    const { asked, client, clock, exchange, near, state } = ends()
    const asker = await asked()
    clock.nowMs += 9_000
    client.tend(clock.nowMs)
    await settled()
    expect(framesOf(near.takeSent())).toEqual([])
    clock.nowMs += 1_000
    client.tend(clock.nowMs)
    await settled()
    expect(framesOf(near.takeSent())).toMatchObject([{ type: FRAME_PING, flags: 0 }])
    clock.nowMs += 5_000
    client.tend(clock.nowMs)
    await exchange()
    expect(asker.heard).toEqual(['failed: reset'])
    expect([near.destroyed, state.clientClosed]).toEqual([true, 1])
  })

  test('is not, when it answers', async () => {
    const { asked, begun, client, clock, exchange, near } = ends()
    const asker = await asked()
    for (let i = 0; i < 10; i++) {
      clock.nowMs += 10_000
      client.tend(clock.nowMs)
      await exchange()
    }
    expect([near.destroyed, client.streams]).toEqual([false, 1])
    begun[0]?.reply(ownHead(204, 'No Content', [], 0), Buffer.alloc(0))
    await exchange()
    expect(asker.heard).toEqual(['head 204', 'end'])
  })

  test('nor while nothing is asked of it', async () => {
    const { client, clock, exchange, near } = ends()
    await exchange()
    clock.nowMs += 3_600_000
    client.tend(clock.nowMs)
    await settled()
    expect(near.takeSent()).toBe('')
  })

  test('is found by the one who works for it as well', async () => {
    const { asked, begun, clock, far, server, state } = ends()
    await asked()
    clock.nowMs += 30_000
    server.tend(clock.nowMs)
    await settled()
    expect(framesOf(far.takeSent())).toMatchObject([{ type: FRAME_PING, flags: 0 }])
    clock.nowMs += 10_000
    server.tend(clock.nowMs)
    await settled()
    expect([far.destroyed, state.serverClosed, begun[0]?.callerLeft]).toEqual([true, 1, true])
  })
})

describe('who leaves', () => {
  test('says so in two steps: what was on its way is served, what comes later is refused unseen', async () => {
    const { asked, begun, client, exchange, far, near, server, state } = ends()
    const first = await asked()
    server.closeWhenIdle()
    await settled()
    const told = far.takeSent()
    expect(framesOf(told).map(({ type }) => type)).toEqual([FRAME_GOAWAY, FRAME_PING])
    // On its way before the far end has heard of it.
    const second = new Asker()
    client.open().send(GET, second)
    await settled()
    await far.receive(near.takeSent())
    await near.receive(told)
    expect([client.hasRoom, state.refusedFurther]).toEqual([false, 1])
    await exchange()
    for (const x of begun) x.reply(ownHead(200, 'OK', [], 0), Buffer.alloc(0))
    await exchange()
    expect([first.heard, second.heard]).toEqual([
      ['head 200', 'end'],
      ['head 200', 'end'],
    ])
    await exchange()
    expect([state.clientClosed, state.serverClosed]).toEqual([1, 1])
  })

  test('is not waited for by a caller that never answers a PING', async () => {
    const { clock, exchange, far, server } = ends()
    await exchange()
    server.closeWhenIdle()
    await settled()
    far.takeSent()
    clock.nowMs += 1_000
    server.tend(clock.nowMs)
    await settled()
    expect(framesOf(far.takeSent())).toMatchObject([{ type: FRAME_GOAWAY }])
    expect(far.finished).toBe(true)
  })

  test('[RETRY-3] streams above the last that was seen are refused, which makes them safe to repeat', async () => {
    const { asked, exchange, near } = ends()
    const asker = await asked()
    await near.receive(Buffer.from([0, 0, 8, FRAME_GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    await exchange()
    expect(asker.heard).toEqual(['failed: refused'])
  })

  test('tells an answering server to drain by its next head', async () => {
    const { asked, begun, exchange, far, state } = ends()
    await asked()
    state.draining = true
    begun[0]?.reply(ownHead(200, 'OK', [], 2), Buffer.from('ok'))
    await settled()
    expect(framesOf(far.sent).map(({ type }) => type)).toContain(FRAME_GOAWAY)
    await exchange()
    expect(far.finished).toBe(true)
  })
})

test('a PING is answered with what it held', async () => {
  const { exchange, far, near } = ends()
  await exchange()
  await near.receive(Buffer.from([0, 0, 8, FRAME_PING, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]))
  const [pong] = framesOf(near.takeSent())
  expect(pong).toEqual({ type: FRAME_PING, flags: ACK, payload: '\x01\x02\x03\x04\x05\x06\x07\x08' })
  expect(far.destroyed).toBe(false)
})

test('an answer that nobody wants any more is cancelled at the far end at once', async () => {
  const { begun, client, exchange } = ends()
  const asker = new Asker()
  const stream = client.open()
  stream.send(GET, asker)
  await exchange()
  stream.abandon()
  await exchange()
  expect([begun[0]?.callerLeft, asker.heard, client.streams]).toEqual([true, [], 0])
})
