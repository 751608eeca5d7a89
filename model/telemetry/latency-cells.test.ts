import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LATENCY_CELLS, latencyCell, latencyCellEndUs, latencyQuantileMs } from './mod.ts'

const LONGEST_US = 2 ** 27
const startOf = (cell: number) => (cell === 0 ? 0 : latencyCellEndUs(cell - 1))

describe('cells', () => {
  test('follow each other without a gap, and hold what lies between their ends', () => {
    for (let cell = 0; cell < LATENCY_CELLS; cell++) {
      expect(latencyCellEndUs(cell)).toBeGreaterThan(startOf(cell))
      expect(latencyCell(startOf(cell))).toBe(cell)
      expect(latencyCell(latencyCellEndUs(cell) - 0.001)).toBe(cell)
    }
    expect(latencyCellEndUs(LATENCY_CELLS - 1)).toBe(LONGEST_US)
  })

  test('are cut at every power of two', () => {
    const ends = new Set(Array.from({ length: LATENCY_CELLS }, (_, cell) => latencyCellEndUs(cell)))
    for (let us = 1; us <= LONGEST_US; us *= 2) expect(ends.has(us)).toBe(true)
  })

  test('are no wider than an eighth of where they begin', () => {
    for (let cell = 8; cell < LATENCY_CELLS; cell++)
      expect((latencyCellEndUs(cell) - startOf(cell)) / startOf(cell)).toBeLessThanOrEqual(0.125)
  })

  test('grow with the duration', () => {
    const us = fc.double({ min: -10, max: 2 ** 28, noNaN: true })
    fc.assert(
      fc.property(us, us, (a, b) => {
        expect(Math.sign(latencyCell(a) - latencyCell(b)) * Math.sign(a - b)).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  test('take what is too short and too long', () => {
    expect(latencyCell(-1)).toBe(0)
    for (const us of [LONGEST_US, 2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY])
      expect(latencyCell(us)).toBe(LATENCY_CELLS - 1)
  })
})

describe('a quantile', () => {
  const cellsOf = (durations: readonly number[]) => {
    const cells = new Uint32Array(LATENCY_CELLS)
    for (const us of durations) cells[latencyCell(us)]!++
    return cells
  }

  test('of nothing is 0', () => {
    expect(latencyQuantileMs(cellsOf([]), 0.5)).toBe(0)
  })

  test('is never below the true one, and at most an eighth above', () => {
    const durations = fc.array(fc.integer({ min: 8, max: LONGEST_US - 1 }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (all, quantile) => {
        const rank = Math.max(1, Math.ceil(all.length * quantile))
        const exact = all.toSorted((a, b) => a - b)[rank - 1]! / 1000
        const read = latencyQuantileMs(cellsOf(all), quantile)
        expect(read).toBeGreaterThanOrEqual(exact)
        expect(read).toBeLessThanOrEqual(exact * 1.125 + 0.001)
      }),
    )
  })

  test('0 is of the shortest, 1 of the longest', () => {
    const cells = cellsOf([10, 1_000, 100_000])
    expect(latencyQuantileMs(cells, 0)).toBe(0.011)
    expect(latencyQuantileMs(cells, 1)).toBeGreaterThanOrEqual(100)
  })
})
