import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NOT_BEFORE_BACKDATE_MS, renewalTimeMs, runAtWallTime } from './mod.ts'

const clock = { nowMs: () => performance.now(), wallMs: () => Date.now() }

describe('renewal', () => {
  it('falls on half of what is left, give or take a tenth of that', () => {
    expect(renewalTimeMs(1000, 3000, () => 0.5)).toBe(2000)
    expect(renewalTimeMs(1000, 3000, () => 0)).toBe(1900)
    expect(renewalTimeMs(1000, 3000, () => 1)).toBe(2100)
  })

  it('[FAULT-3] falls on half of what was given, where the clock is an hour behind who gave it', () => {
    const [hourMs, lifeMs, issuedMs] = [3_600_000, 60_000, 10_000_000]
    const [notBeforeMs, notAfterMs] = [issuedMs - NOT_BEFORE_BACKDATE_MS, issuedMs + lifeMs]
    for (const skewMs of [0, -hourMs]) {
      expect(renewalTimeMs(issuedMs + skewMs, notAfterMs, () => 0.5, notBeforeMs)).toBe(issuedMs + skewMs + lifeMs / 2)
    }
    const longAfterMs = issuedMs + 24 * hourMs
    expect(renewalTimeMs(issuedMs + hourMs, longAfterMs, () => 0.5, notBeforeMs)).toBe(issuedMs + 12.5 * hourMs)
  })

  it('of what has ended falls on now', () => {
    expect(renewalTimeMs(1000, 1000, () => 0.5)).toBe(1000)
    expect(renewalTimeMs(1000, 500, () => 0.5)).toBe(1000)
  })
})

describe('a timer by the wall clock', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('runs once, when the moment has come', () => {
    const run = vi.fn()
    runAtWallTime(clock, Date.now() + 3_600_000, run)
    vi.advanceTimersByTime(3_599_999)
    expect(run).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(run).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(10_000_000)
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('notices within half a minute that the machine has slept past it', () => {
    const run = vi.fn()
    runAtWallTime(clock, Date.now() + 12 * 3_600_000, run)
    vi.setSystemTime(Date.now() + 13 * 3_600_000)
    vi.advanceTimersByTime(30_001)
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('[FAULT-3] runs in time when the wall clock is set back, and early when it is set forward', () => {
    for (const [jumpMs, seenWithinMs] of [
      [-3_600_000, 1_000_000],
      [3_600_000, 30_000],
    ] as const) {
      let setMs = 0
      const run = vi.fn()
      runAtWallTime({ nowMs: clock.nowMs, wallMs: () => clock.wallMs() + setMs }, Date.now() + 1_000_000, run)
      setMs = jumpMs
      vi.advanceTimersByTime(seenWithinMs - 5)
      expect(run).not.toHaveBeenCalled()
      vi.advanceTimersByTime(10)
      expect(run).toHaveBeenCalledTimes(1)
    }
  })

  it('never runs once it was called off', () => {
    const run = vi.fn()
    runAtWallTime(clock, Date.now() + 100_000, run)()
    vi.advanceTimersByTime(200_000)
    expect(run).not.toHaveBeenCalled()
  })
})
