import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { endSoon, UNDER_WAY_MS } from './end-soon.ts'
import type { ServerPhase } from './session/mod.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function connection(phase: ServerPhase, endsTunnels = false) {
  const socket = new EventEmitter()
  const seen = { asked: 0, destroyed: 0 }
  const session = { phase, closeWhenIdle: () => void seen.asked++, destroy: () => void seen.destroyed++ }
  endSoon(
    socket as unknown as Socket,
    () => session,
    () => endsTunnels,
  )
  return { socket, seen }
}

describe('[TLS-13] a connection of which a certificate has ended', () => {
  test('is asked to end after what is under way, and ended after the bound if that is not over', () => {
    const { seen } = connection('answer')
    expect(seen).toEqual({ asked: 1, destroyed: 0 })
    vi.advanceTimersByTime(UNDER_WAY_MS - 1)
    expect(seen.destroyed).toBe(0)
    vi.advanceTimersByTime(1)
    expect(seen.destroyed).toBe(1)
  })

  test('that has ended by itself meanwhile is left alone', () => {
    const { seen, socket } = connection('body')
    socket.emit('close')
    vi.advanceTimersByTime(2 * UNDER_WAY_MS)
    expect(seen.destroyed).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('and that has become a tunnel goes on', () => {
    const { seen } = connection('tunnel')
    vi.advanceTimersByTime(2 * UNDER_WAY_MS)
    expect(seen.destroyed).toBe(0)
  })

  test('unless a policy ends tunnels: then it is ended after the bound', () => {
    const { seen } = connection('tunnel', true)
    vi.advanceTimersByTime(UNDER_WAY_MS - 1)
    expect(seen.destroyed).toBe(0)
    vi.advanceTimersByTime(1)
    expect(seen.destroyed).toBe(1)
  })
})
