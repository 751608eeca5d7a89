import { describe, expect, test } from 'vitest'
import { UnixTime } from './unix-time.ts'

/** A wall clock of whole milliseconds, `aheadMs` ahead of the monotonic one. */
function clocks(aheadMs: number) {
  const state = { now: 0.123, ahead: aheadMs }
  const time = new UnixTime({ nowMs: () => state.now, wallMs: () => Math.floor(state.now + state.ahead) })
  return { state, time }
}

describe('Unix time from a monotonic clock', () => {
  test('is finer than the wall clock after some looks at it', () => {
    const { state, time } = clocks(1_700_000_000_000.4)
    for (let i = 0; i < 200; i++) {
      state.now += 1.37
      time.observe()
    }
    const errorUs = time.microseconds(state.now) - Math.round((state.now + state.ahead) * 1000)
    expect(Math.abs(errorUs)).toBeLessThanOrEqual(20)
  })

  test('keeps the order and the distance of two moments, when the wall clock ticks between the two looks', () => {
    const { state, time } = clocks(1_700_000_000_000)
    for (let i = 0; i < 1_000; i++) {
      state.now += 0.37
      time.observe()
    }
    const first = time.microseconds(10)
    state.now += 0.71
    expect(time.microseconds(10.5) - first).toBeGreaterThanOrEqual(490)
    expect(time.microseconds(10.5) - first).toBeLessThanOrEqual(510)
  })

  test.each([
    { how: 'back', byMs: -5_000 },
    { how: 'ahead', byMs: 5_000 },
  ])('follows a wall clock that is set $how', ({ byMs }) => {
    const { state, time } = clocks(1_700_000_000_000)
    time.observe()
    state.ahead += byMs
    const errorUs = time.microseconds(state.now) - Math.round((state.now + state.ahead) * 1000)
    expect(Math.abs(errorUs)).toBeLessThanOrEqual(1_000)
  })
})
