import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { renewalTimeMs, runAtWallTime } from './mod.ts'

const clock = { nowMs: () => performance.now(), wallMs: () => Date.now() }

describe('renewal', () => {
  it('falls on half of what is left, give or take a tenth of that', () => {
    expect(renewalTimeMs(1000, 3000, () => 0.5)).toBe(2000)
    expect(renewalTimeMs(1000, 3000, () => 0)).toBe(1900)
    expect(renewalTimeMs(1000, 3000, () => 1)).toBe(2100)
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

  it('never runs once it was called off', () => {
    const run = vi.fn()
    runAtWallTime(clock, Date.now() + 100_000, run)()
    vi.advanceTimersByTime(200_000)
    expect(run).not.toHaveBeenCalled()
  })
})
