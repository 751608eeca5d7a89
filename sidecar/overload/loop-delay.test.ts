import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LOOP_DELAY_BOUNDS_MS, LoopDelay } from './loop-delay.ts'

function ticking() {
  const clock = { nowMs: 1_000 }
  const loop = new LoopDelay(100, clock.nowMs)
  const late = (ms: number) => {
    clock.nowMs += ms
    return loop.tick(clock.nowMs)
  }
  return { clock, loop, late }
}

describe('[LOAD-7] the delay of the event loop', () => {
  test('is how much later than asked the timer ran, each time from anew', () => {
    const { late } = ticking()
    expect([late(100), late(103), late(100), late(90), late(1_100)]).toEqual([0, 3, 0, 0, 1_000])
  })

  test('falls into buckets, the longest into the last', () => {
    const { late, loop } = ticking()
    for (const ms of [100, 105, 106, 60_100]) late(ms)
    expect(loop.counts).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    expect(loop).toMatchObject({ count: 4, sumMs: 60_011 })
  })

  test('is a stall from two seconds on, at once or in pieces, until ten seconds are better', () => {
    for (const pieces of [[2_000], [700, 700, 600]]) {
      const { late, loop, clock } = ticking()
      for (const ms of pieces) {
        expect(loop.stalled(clock.nowMs)).toBe(false)
        late(100 + ms)
      }
      expect([loop.stalledMs(clock.nowMs), loop.stalled(clock.nowMs)]).toEqual([2_000, true])
      expect(loop.stalled(clock.nowMs + 7_000)).toBe(true)
      expect(loop.stalled(clock.nowMs + 10_000)).toBe(false)
    }
  })

  test('just below that, or made of nothing but small delays, is none', () => {
    const { late, loop, clock } = ticking()
    late(100 + 1_999)
    expect(loop.stalled(clock.nowMs)).toBe(false)
    for (let i = 0; i < 500; i++) late(149)
    expect(loop.stalled(clock.nowMs)).toBe(false)
  })

  test('never loses a tick', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000), { maxLength: 50 }), delays => {
        const { late, loop } = ticking()
        for (const ms of delays) late(100 + ms)
        expect(loop.counts.length).toBe(LOOP_DELAY_BOUNDS_MS.length + 1)
        expect(loop.counts.reduce((sum, count) => sum + count, 0)).toBe(delays.length)
        expect(loop.sumMs).toBe(delays.reduce((sum, ms) => sum + ms, 0))
      }),
    )
  })
})
