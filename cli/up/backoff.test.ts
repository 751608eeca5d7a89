import { describe, expect, test } from 'vitest'
import { deathsInARow, restMs } from './backoff.ts'

describe('the rest before the next start', () => {
  test('doubles from 100 ms to 5 s for who dies as it starts', () => {
    for (const livedMs of [0, 50, 999]) {
      const rests = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map(deaths => restMs(deaths, livedMs))
      expect(rests).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
    }
  })

  test('is a quarter of its life at most for who had lived for a second, and half a second at most', () => {
    expect([1, 2, 3, 4, 1000].map(deaths => restMs(deaths, 1_000))).toEqual([100, 200, 250, 250, 250])
    expect(restMs(1000, 3_000)).toBe(500)
    expect(restMs(1, 3_000)).toBe(100)
    expect(restMs(1000, 60_000)).toBe(500)
  })

  test('stays well below a second for who is killed again and again, however long it was there', () => {
    for (const livedMs of [1_000, 2_500, 9_500, 20_000]) {
      let deaths = 0
      for (let kill = 0; kill < 50; kill++) {
        deaths = deathsInARow(deaths, livedMs)
        expect(restMs(deaths, livedMs)).toBeLessThanOrEqual(500)
      }
    }
  })
})

test('deaths in a row are counted', () => {
  expect(deathsInARow(3, 9_999)).toBe(4)
})

test('who has lived ten seconds begins to count anew', () => {
  expect(deathsInARow(3, 10_000)).toBe(1)
})
