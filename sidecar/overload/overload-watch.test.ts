import { describe, expect, test } from 'vitest'
import { nextLevel } from './memory-level.ts'
import { OverloadWatch } from './overload-watch.ts'

describe('[LOAD-3] the level of memory', () => {
  test.each([
    ['calm', 0.9199, 'calm'],
    ['calm', 0.92, 'tight'],
    ['calm', 0.95, 'full'],
    ['tight', 0.9499, 'tight'],
    ['tight', 0.95, 'full'],
    ['tight', 0.91, 'tight'],
    ['tight', 0.8999, 'calm'],
    ['full', 0.93, 'full'],
    ['full', 0.9299, 'tight'],
    ['full', 0.5, 'calm'],
    ['calm', 1.2, 'full'],
  ] as const)('after %s, at %d, is %s', (before, ratio, after) => {
    expect(nextLevel(before, ratio)).toBe(after)
  })
})

function watched() {
  const state = { nowMs: 0, ratio: 0.5, garbage: 0, collections: 0, collectionMs: 0, idleClosed: 0, othersMs: 0 }
  const lines: string[] = []
  const watch = new OverloadWatch({
    nowMs: () => state.nowMs,
    readMemory: () => ({ of: 'memory-max', usedBytes: state.ratio * 1000, bytesMax: 1000, ratio: state.ratio }),
    collect: () => {
      state.collections++
      state.nowMs += state.collectionMs
      state.ratio -= state.garbage
      state.garbage = 0
    },
    closeIdle: () => void state.idleClosed++,
    othersStalledMs: () => state.othersMs,
    log: {
      info: (_fields, message) => void lines.push(`info ${message}`),
      warn: (_fields, message) => void lines.push(`warn ${message}`),
    },
  })
  /** Lets so many milliseconds pass. */
  const pass = (ms: number) => {
    for (let i = 0; i < ms; i += 100) {
      state.nowMs += 100
      watch.tick()
    }
  }
  const stall = (ms: number) => {
    state.nowMs += 100 + ms
    watch.tick()
  }
  return { state, lines, watch, pass, stall }
}

describe('[LOAD-3] a sidecar', () => {
  test('refuses connections and closes idle ones at 92%, answers overload at 95%, and says each once', () => {
    const { state, lines, watch, pass } = watched()
    pass(300)
    expect(watch).toMatchObject({ refusesConnections: false, refusesRequests: false })
    state.ratio = 0.92
    pass(3_000)
    expect(watch).toMatchObject({ refusesConnections: true, refusesRequests: false, complaint: undefined })
    expect(state.idleClosed).toBe(10)
    state.ratio = 0.95
    pass(300)
    expect(watch).toMatchObject({ refusesConnections: true, refusesRequests: true })
    expect(watch.complaint).toMatch(/^overload: memory is full/)
    state.ratio = 0.929
    pass(300)
    expect(watch).toMatchObject({ refusesConnections: true, refusesRequests: false })
    state.ratio = 0.899
    pass(3_000)
    expect(watch).toMatchObject({ refusesConnections: false, refusesRequests: false })
    expect(lines).toEqual([
      expect.stringMatching(/^warn Cannot take new connections: memory is short/),
      expect.stringMatching(/^warn Cannot take requests: memory is full/),
      expect.stringMatching(/^warn Requests are taken again, new connections not yet/),
      expect.stringMatching(/^info Memory suffices again/),
    ])
  })

  test('has garbage collected before it refuses anybody, and for a twentieth of the time at most', () => {
    const { state, lines, watch, pass } = watched()
    Object.assign(state, { ratio: 0.97, garbage: 0.3 })
    pass(300)
    expect(watch).toMatchObject({ refusesConnections: false, refusesRequests: false })
    expect([state.collections, lines]).toEqual([1, []])
    state.ratio = 0.97
    pass(1_500)
    expect([state.collections, watch.refusesRequests]).toEqual([1, true])
    Object.assign(state, { garbage: 0.3, collectionMs: 500 })
    pass(700)
    expect([state.collections, watch.refusesRequests]).toEqual([2, false])
    state.ratio = 0.97
    pass(8_700)
    expect(state.collections).toBe(2)
    pass(1_200)
    expect(state.collections).toBe(3)
  })
})

describe('[LOAD-7] a sidecar whose event loop stood still', () => {
  test('complains until ten seconds were better, and says so once', () => {
    const { lines, watch, pass, stall } = watched()
    stall(1_000)
    expect(watch.complaint).toBeUndefined()
    stall(1_500)
    expect(watch.complaint).toBe('overload: the event loop stood still for 2500 ms of the last 10 s')
    pass(9_000)
    expect(watch.complaint).toBeUndefined()
    expect(lines).toEqual([expect.stringMatching(/^warn Cannot answer in time/), 'info The event loop runs again'])
  })
})

describe('the event loop', () => {
  test('is not late for a timer that had not begun, however long its program took to start', () => {
    const { state, lines, watch, pass } = watched()
    state.nowMs += 30_000
    watch.start()
    pass(100)
    expect(watch.complaint).toBeUndefined()
    expect(lines).toEqual([])
    watch.close()
  })

  test('of another thread of ours counts as much as our own: readiness fails, and comes back', () => {
    const { state, lines, watch, pass } = watched()
    state.othersMs = 1_999
    pass(100)
    expect(watch.complaint).toBeUndefined()
    state.othersMs = 2_000
    pass(100)
    expect(watch.complaint).toBe('overload: the event loop stood still for 2000 ms of the last 10 s')
    state.othersMs = 0
    pass(100)
    expect(watch.complaint).toBeUndefined()
    expect(lines).toEqual([
      'warn Cannot answer in time: the event loop stood still. /readyz fails until 10 s are better',
      'info The event loop runs again',
    ])
  })
})
