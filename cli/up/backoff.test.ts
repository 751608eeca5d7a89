import { expect, test } from 'vitest'
import { deathsInARow, restMs } from './backoff.ts'

test('the rest doubles from 100 ms to 5 s', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 1000].map(restMs)).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
})

test('deaths in a row are counted', () => {
  expect(deathsInARow(3, 9_999)).toBe(4)
})

test('who has lived ten seconds begins to count anew', () => {
  expect(deathsInARow(3, 10_000)).toBe(1)
})
