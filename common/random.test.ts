import { expect, test } from 'vitest'
import { seededRandom, systemRandom } from './mod.ts'

test('the same seed gives the same sequence, another seed another', () => {
  const draw = (seed: number) => {
    const random = seededRandom(seed)
    return Array.from({ length: 10 }, random)
  }
  expect(draw(1)).toEqual(draw(1))
  expect(draw(1)).not.toEqual(draw(2))
})

test('numbers lie in [0, 1) and are spread evenly', () => {
  for (const random of [seededRandom(0), seededRandom(-1), systemRandom]) {
    const tenths = new Array<number>(10).fill(0)
    for (let i = 0; i < 10_000; i++) {
      const drawn = random()
      expect(drawn).toBeGreaterThanOrEqual(0)
      expect(drawn).toBeLessThan(1)
      tenths[Math.floor(drawn * 10)]!++
    }
    // Ten standard deviations.
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(300)
  }
})
