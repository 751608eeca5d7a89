import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { settled } from '../../test/fakes/socket.ts'
import { detecting } from './detecting.fixture.ts'
import { TUNNEL_IDLE_MS } from './server-session.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

const DB = { authority: 'db:1', speaks: 'bytes' } as const

async function begun() {
  const wish = detecting()
  const socket = await wish.accept(DB)
  return { ...wish, socket }
}

async function connected() {
  const wish = await begun()
  wish.far().connect()
  const { near } = wish.far()
  if (near === undefined) throw new Error('there is no tunnel')
  return { ...wish, near }
}

describe('while the far side is being connected', () => {
  test('what the caller sends waits here, and it is read no further', async () => {
    const { socket, far, door } = await begun()
    await socket.receive('one')
    expect(socket.isPaused()).toBe(true)
    expect(door.exchanges).toBe(1)
    far().connect()
    expect(far().told).toEqual(['one'])
    expect(socket.isPaused()).toBe(false)
    await socket.receive('two')
    expect(far().told).toEqual(['one', 'two'])
    expect(door.exchanges).toBe(0)
  })

  test('a far side that takes no more than what waited keeps the caller waiting', async () => {
    const { socket, far } = await begun()
    await socket.receive('one')
    far().open = false
    far().connect()
    expect(socket.isPaused()).toBe(true)
    far().near?.resume()
    expect(socket.isPaused()).toBe(false)
  })

  test('a caller that ends its half has ended it behind what it sent', async () => {
    const { socket, far } = await begun()
    await socket.receiveEnd()
    far().connect()
    expect(far().told).toEqual(['<end>'])
  })

  test('a caller that goes away is nobody’s any more', async () => {
    const { socket, far, door } = await begun()
    await socket.receiveReset()
    expect(far().told).toEqual(['<cancelled>'])
    expect(far().x).toMatchObject({ progress: 'ended', callerLeft: true, status: 499 })
    expect(door.connections).toBe(0)
  })

  test('a failure breaks the caller off: there is no word for it', async () => {
    const { socket, far, door } = await begun()
    far().refuse()
    await settled()
    expect([socket.brokenOff, socket.sent]).toEqual([true, ''])
    expect(far().x.status).toBe(503)
    expect(door.connections).toBe(0)
  })

  test('so does one that breaks off', async () => {
    const { socket, far } = await begun()
    far().x.fail('connect-failed', 'nobody is there')
    await settled()
    expect(socket.brokenOff).toBe(true)
  })

  test('it is not closed for being idle', async () => {
    const { socket, door, clock } = await begun()
    clock.nowMs = 1_000_000
    door.sweep()
    door.closeIdle()
    await settled()
    expect(socket.destroyed).toBe(false)
  })
})

describe('a tunnel', () => {
  test('is no exchange under way, and no reason to wait for it', async () => {
    const { door, socket } = await connected()
    expect(door.sessionOf(socket.asSocket)?.phase).toBe('tunnel')
    expect(door).toMatchObject({ connections: 1, exchanges: 0 })
  })

  test('paces each side by the other', async () => {
    const { socket, far, near } = await connected()
    far().open = false
    await socket.receive('more')
    expect(socket.isPaused()).toBe(true)
    near.resume()
    expect(socket.isPaused()).toBe(false)
    socket.stall()
    expect(near.tunnelWrite(Buffer.alloc(100_000, 'x'))).toBe(false)
    await settled()
    expect(far().told).toEqual(['more'])
    await socket.unstall()
    expect(far().told).toEqual(['more', '<drained>'])
    expect(socket.sent).toBe('x'.repeat(100_000))
  })

  test('ends its halves one by one: first the caller’s', async () => {
    const { socket, far, near } = await connected()
    await socket.receiveEnd()
    expect(far().told).toEqual(['<end>'])
    near.tunnelWrite(Buffer.from('still here'))
    near.tunnelEnd()
    await settled()
    expect([socket.sent, socket.finished, socket.destroyed]).toEqual(['still here', true, true])
    expect(far().told).toEqual(['<end>', '<closed>'])
  })

  test('ends its halves one by one: first the far side’s', async () => {
    const { socket, far, near } = await connected()
    near.tunnelWrite(Buffer.from('that is all'))
    near.tunnelEnd()
    await settled()
    expect([socket.sent, socket.finished, socket.destroyed]).toEqual(['that is all', true, false])
    await socket.receive('and this')
    await socket.receiveEnd()
    expect(far().told).toEqual(['and this', '<end>', '<closed>'])
  })

  test('whose far side takes nothing more ends when its caller has had the time to read', async () => {
    const { socket, far, near } = await connected()
    near.tunnelWrite(Buffer.from('bye'))
    near.tunnelClose()
    await settled()
    expect([socket.sent, socket.finished, socket.destroyed]).toEqual(['bye', true, false])
    await socket.receive('to nobody')
    expect(far().told).toEqual([])
    vi.advanceTimersByTime(1_000)
    await settled()
    expect([socket.destroyed, socket.brokenOff]).toEqual([true, false])
  })

  test('that breaks off on either side breaks off on the other', async () => {
    const one = await connected()
    one.near.breakOff()
    await settled()
    expect(one.socket.brokenOff).toBe(true)
    const other = await connected()
    await other.socket.receiveReset()
    // Not behind an end: the far side knows what that means.
    expect(other.far().told).toEqual(['<closed>'])
  })

  test('counts what passes, and is over once', async () => {
    const { socket, far, near } = await connected()
    await socket.receive('12345')
    near.tunnelWrite(Buffer.from('123'))
    expect(far().x).toMatchObject({ progress: 'answering', requestBytes: 5, answerBytes: 3 })
    await socket.receiveReset()
    expect(far().x).toMatchObject({ progress: 'ended', status: 200, moot: undefined })
  })

  test('in which nothing passes for an hour is broken off; one byte either way is something', async () => {
    const { socket, far, near, door, clock } = await connected()
    const sweepAfter = (ms: number) => {
      clock.nowMs += ms
      door.sweep()
    }
    sweepAfter(TUNNEL_IDLE_MS)
    await socket.receive('x')
    sweepAfter(TUNNEL_IDLE_MS)
    near.tunnelWrite(Buffer.from('y'))
    await settled()
    sweepAfter(TUNNEL_IDLE_MS)
    expect(socket.destroyed).toBe(false)
    sweepAfter(1)
    await settled()
    expect(socket.brokenOff).toBe(true)
    expect(far().told).toEqual(['x', '<closed>'])
  })

  test('is broken off when its door is closed', async () => {
    const { socket, far, door } = await connected()
    door.destroyAll()
    await settled()
    expect(socket.brokenOff).toBe(true)
    expect(far().told).toEqual(['<closed>'])
  })

  test('in which something of ours throws costs that tunnel', async () => {
    const { socket, far, door, heard } = await connected()
    far().told.push = () => {
      throw new Error('ours')
    }
    await socket.receive('x')
    expect(socket.destroyed).toBe(true)
    expect(heard).toContain('broken ours')
    expect(door.connections).toBe(0)
  })
})
