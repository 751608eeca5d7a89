import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../common/mod.ts'
import { createPusher } from './pusher.ts'

describe('pushing', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => vi.useRealTimers())

  function pusherOf(count: number) {
    const pushedAt: number[] = []
    const startMs = performance.now()
    const members = Array.from({ length: count }, () => ({
      changed: () => pushedAt.push(Math.round(performance.now() - startMs)),
    }))
    return { pusher: createPusher(systemClock, () => members), pushedAt }
  }

  it('waits 20 ms after a change, and makes one push of many changes', () => {
    const { pusher, pushedAt } = pusherOf(1)
    pusher.changed()
    vi.advanceTimersByTime(15)
    pusher.changed()
    vi.advanceTimersByTime(19)
    expect(pushedAt).toEqual([])
    vi.advanceTimersByTime(10)
    // The turn of the event loop takes 1 ms of virtual time.
    expect(pushedAt).toEqual([36])
  })

  it('[DISC-8] waits no longer than 200 ms when changes never pause', () => {
    const { pusher, pushedAt } = pusherOf(1)
    for (let ms = 0; ms < 1_000; ms += 10) {
      pusher.changed()
      vi.advanceTimersByTime(10)
    }
    expect(pushedAt.length).toBeGreaterThanOrEqual(4)
    expect(pushedAt.length).toBeLessThanOrEqual(5)
    expect(pushedAt[0]).toBeLessThanOrEqual(201)
  })

  it('looks at a hundred members in one turn, and at all in the end', () => {
    const { pusher, pushedAt } = pusherOf(250)
    pusher.changed()
    vi.advanceTimersByTime(20)
    vi.advanceTimersToNextTimer()
    const first = pushedAt.length
    expect(first).toBeLessThan(250)
    vi.runAllTimers()
    expect(pushedAt.length).toBe(250)
  })

  it('pushes nothing after it was closed', () => {
    const { pusher, pushedAt } = pusherOf(1)
    pusher.changed()
    pusher.close()
    vi.runAllTimers()
    expect(pushedAt).toEqual([])
  })
})
