import { once } from 'node:events'
import { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { closeAfterWrites, UNREAD_MS } from './close-after-writes.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A connection whose far side reads nothing: it waits for what was written, in vain. */
class StuckSocket extends Socket {
  override destroySoon(): void {
    this.pause()
  }
}

describe('a connection that is closed after what was written to it', () => {
  test('is given up when nobody takes it', () => {
    const socket = new StuckSocket()
    closeAfterWrites(socket)
    vi.advanceTimersByTime(UNREAD_MS - 1)
    expect(socket.destroyed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(socket.destroyed).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('leaves no timer behind when it closes in time, nor when nothing was to be written', async () => {
    const socket = new StuckSocket()
    closeAfterWrites(socket)
    socket.destroy()
    await once(socket, 'close')
    expect(vi.getTimerCount()).toBe(0)
    const closed = new Socket()
    closed.destroy()
    closeAfterWrites(closed)
    expect(vi.getTimerCount()).toBe(0)
  })
})
