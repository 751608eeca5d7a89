import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { inTurn } from './in-turn.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function connections(count: number) {
  const retired: number[] = []
  return { retired, all: Array.from({ length: count }, (_, n) => () => void retired.push(n)) }
}

test('connections are retired in their order, evenly, and all within the time', () => {
  const { retired, all } = connections(100)
  inTurn(all, 2_000)
  expect(retired).toHaveLength(0)
  vi.advanceTimersByTime(1_000)
  expect(retired).toHaveLength(50)
  vi.advanceTimersByTime(1_000)
  expect(retired).toEqual(Array.from({ length: 100 }, (_, n) => n))
  expect(vi.getTimerCount()).toBe(0)
})

test('there is no more than one at a time when there are few', () => {
  const { retired, all } = connections(4)
  inTurn(all, 2_000)
  for (let elapsed = 0, before = 0; elapsed < 2_000; elapsed += 20, before = retired.length) {
    vi.advanceTimersByTime(20)
    expect(retired.length - before).toBeLessThanOrEqual(1)
  }
  expect(retired).toHaveLength(4)
})

test('what is left goes at once when the next renewal comes before the time is over', () => {
  const { retired, all } = connections(10)
  const finish = inTurn(all, 10_000)
  vi.advanceTimersByTime(2_000)
  expect(retired).toHaveLength(2)
  finish()
  expect(retired).toHaveLength(10)
  expect(vi.getTimerCount()).toBe(0)
})

test('with nothing to retire there is nothing to wait for', () => {
  inTurn([], 1_000)
  expect(vi.getTimerCount()).toBe(0)
})
