import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeSocket, settled } from '../../test/fakes/socket.ts'
import { ServerFirst } from '../detect/mod.ts'
import { type Exchange, ownHead } from '../http/mod.ts'
import { Turn } from '../transport/mod.ts'
import { Door } from './mod.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

function opened() {
  const clock = { nowMs: 0 }
  const exchanges: Exchange[] = []
  const refused: number[] = []
  const door = new Door({
    turn: new Turn(() => clock.nowMs),
    begin: x => void exchanges.push(x),
    connect: () => {},
    refused: why => void refused.push(why.status),
    serverFirst: new ServerFirst(() => clock.nowMs),
    detected: () => {},
    broken: () => {},
    draining: () => false,
    idleMs: 75_000,
  })
  async function call(text = '', first?: string) {
    const socket = new FakeSocket({ allowHalfOpen: true })
    door.accept({
      ...{ socket: socket.asSocket, caller: { kind: 'application' }, port: 80, reads: undefined, bound: undefined },
      first: first === undefined ? undefined : Buffer.from(first),
    })
    await socket.receive(text)
    return socket
  }
  const sweepAt = async (nowMs: number) => {
    clock.nowMs = nowMs
    door.sweep()
    await settled()
  }
  return { door, clock, exchanges, refused, call, sweepAt }
}

describe('a door', () => {
  test('counts its callers, and the exchanges under way', async () => {
    const { door, call, exchanges } = opened()
    const idle = await call()
    await call(GET)
    await call('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n')
    expect(door).toMatchObject({ connections: 3, exchanges: 2 })
    exchanges[0]!.reply(ownHead(200, 'OK', [], 0), Buffer.alloc(0))
    await idle.receiveEnd()
    expect(door).toMatchObject({ connections: 2, exchanges: 1 })
  })

  test('begins with bytes that were read before it', async () => {
    const { call, exchanges } = opened()
    await call('t: a\r\n\r\n', 'GET / HTTP/1.1\r\nHos')
    expect(exchanges.length).toBe(1)
  })

  test('[LOAD-1] closes a caller whose head takes more than ten seconds, however it trickles', async () => {
    const { call, sweepAt, refused } = opened()
    const socket = await call('GET / HT')
    await sweepAt(9_000)
    await socket.receive('TP')
    await sweepAt(10_000)
    expect(socket.destroyed).toBe(false)
    await sweepAt(10_001)
    expect(socket.sent).toMatch(/^HTTP\/1\.1 408 .*x-selvedge-cause: request-timeout/s)
    expect(socket.finished).toBe(true)
    vi.advanceTimersByTime(1_000)
    expect(socket.destroyed).toBe(true)
    expect(refused).toEqual([408])
  })

  test('[LOAD-1] closes a caller that stops in its body for a minute', async () => {
    const { call, sweepAt, exchanges, refused } = opened()
    const socket = await call('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n')
    let broken = 0
    exchanges[0]!.body.attach({ data: () => true, end: () => {}, reset: () => void broken++ })
    await sweepAt(50_000)
    await socket.receive('some')
    await sweepAt(110_000)
    expect(socket.destroyed).toBe(false)
    await sweepAt(110_001)
    expect(broken).toBe(1)
    expect(exchanges[0]).toMatchObject({ progress: 'ended', status: 408 })
    expect(socket.sent).toMatch(/^HTTP\/1\.1 408 .*connection: close/s)
    vi.advanceTimersByTime(1_000)
    expect(socket.destroyed).toBe(true)
    expect(refused).toEqual([408])
  })

  test('does not take its own pause for silence of the caller', async () => {
    const { call, sweepAt, exchanges } = opened()
    const socket = await call('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n')
    exchanges[0]!.body.attach({ data: () => false, end: () => {}, reset: () => {} })
    await socket.receive('some')
    await sweepAt(100_000)
    exchanges[0]!.body.resume()
    await sweepAt(100_001)
    expect(socket.destroyed).toBe(false)
  })

  test('ends a body that nobody takes for five minutes: its caller may have gone unnoticed', async () => {
    const { call, sweepAt, exchanges } = opened()
    const socket = await call('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n')
    exchanges[0]!.body.attach({ data: () => false, end: () => {}, reset: () => {} })
    await socket.receive('some')
    await sweepAt(300_000)
    expect(socket.destroyed).toBe(false)
    await sweepAt(300_001)
    expect(socket.destroyed).toBe(true)
  })

  test('closes the idle in order, and counts no answer as idle time', async () => {
    const { call, sweepAt, exchanges } = opened()
    const socket = await call(GET)
    await sweepAt(200_000)
    exchanges[0]!.reply(ownHead(200, 'OK', [], 0), Buffer.alloc(0))
    await sweepAt(200_001)
    expect(socket.finished).toBe(false)
    await sweepAt(275_001)
    expect(socket.finished).toBe(true)
    expect(socket.destroyed).toBe(false)
    vi.advanceTimersByTime(1_000)
    expect(socket.destroyed).toBe(true)
  })

  test('[LOAD-1] breaks a last answer off that is not read for a minute', async () => {
    const { call, sweepAt, exchanges } = opened()
    const socket = await call('GET / HTTP/1.0\r\n\r\n')
    socket.stall()
    const x = exchanges[0]!
    x.respond({ ...ownHead(200, 'OK', [], 0), body: { kind: 'until-close' } })
    x.data(Buffer.alloc(200_000))
    x.end(undefined)
    await sweepAt(60_000)
    expect(socket.destroyed).toBe(false)
    await sweepAt(60_001)
    expect(socket).toMatchObject({ destroyed: true, brokenOff: true })
  })

  test('[LOAD-1] ends an answer of which nobody reads more for five minutes, and none that is slow to be made', async () => {
    const { call, sweepAt, exchanges, refused } = opened()
    const [slow, deaf] = [await call(GET), await call(GET)]
    deaf.stall()
    for (const x of exchanges) x.respond({ ...ownHead(200, 'OK', [], 0), body: { kind: 'length', length: 1_000_000 } })
    exchanges[1]!.data(Buffer.alloc(200_000))
    await sweepAt(300_000)
    expect(deaf.destroyed).toBe(false)
    await sweepAt(300_001)
    expect(deaf.destroyed).toBe(true)
    expect(exchanges[1]!.progress).toBe('ended')
    expect(refused).toEqual([408])
    expect(slow.destroyed).toBe(false)
  })

  test('does not end an answer whose reader is slow, but reads', async () => {
    const { call, sweepAt, exchanges } = opened()
    const socket = await call(GET)
    const x = exchanges[0]!
    x.respond({ ...ownHead(200, 'OK', [], 0), body: { kind: 'length', length: 1_000_000 } })
    for (let minute = 4; minute <= 20; minute += 4) {
      socket.stall()
      x.data(Buffer.alloc(200_000))
      await sweepAt(minute * 60_000)
      socket.unstall()
      await settled()
      expect(socket.destroyed).toBe(false)
    }
  })

  test('closes those between requests when asked, and lets exchanges end', async () => {
    const { door, call, exchanges } = opened()
    const [idle, busy] = [await call(), await call(GET)]
    door.closeIdle()
    await settled()
    expect(idle.finished).toBe(true)
    expect(busy.finished).toBe(false)
    exchanges[0]!.reply(ownHead(200, 'OK', [], 0), Buffer.alloc(0))
    await settled()
    expect(busy.sent).toContain('connection: close')
    expect(busy.finished).toBe(true)
  })

  test('closes all at once at the end', async () => {
    const { door, call } = opened()
    const all = [await call(), await call(GET), await call('GET')]
    door.destroyAll()
    await settled()
    expect(all.every(socket => socket.destroyed)).toBe(true)
    expect(door.connections).toBe(0)
  })
})
