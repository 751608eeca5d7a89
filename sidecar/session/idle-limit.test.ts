import { describe, expect, test } from 'vitest'
import { IdleLimit } from './idle-limit.ts'

const USUAL_MS = 3_500

describe('how long a connection may be free', () => {
  test('is as usual where nothing has been learnt', () => {
    expect(new IdleLimit().msMax(USUAL_MS, 0)).toBe(USUAL_MS)
  })

  test.each([
    [5_000, 4_000],
    [72_000, 60_000],
    [2_000, 1_000],
    [1_000, 500],
    [0, 0],
  ])('is less than the %d ms that the server said', (saidMs, expectedMs) => {
    const limit = new IdleLimit()
    limit.said(saidMs)
    expect(limit.msMax(USUAL_MS, 0)).toBe(expectedMs)
  })

  test('is what the server said last', () => {
    const limit = new IdleLimit()
    limit.said(5_000)
    limit.said(1_000)
    expect(limit.msMax(USUAL_MS, 0)).toBe(500)
  })

  test('is less than the age at which the server ended two connections', () => {
    const limit = new IdleLimit()
    limit.ended(2_100, 10_000)
    expect(limit.msMax(USUAL_MS, 10_000)).toBe(USUAL_MS)
    limit.ended(2_000, 20_000)
    expect(limit.msMax(USUAL_MS, 20_000)).toBe(1_000)
    // What is said does not make it longer, ...
    limit.said(30_000)
    expect(limit.msMax(USUAL_MS, 20_000)).toBe(1_000)
    // ... but may make it shorter.
    limit.said(1_000)
    expect(limit.msMax(USUAL_MS, 20_000)).toBe(500)
  })

  test.each<[string, readonly (readonly [ageMs: number, atMs: number])[]]>([
    [
      'end together, as those of a server that ends',
      [
        [2_000, 10_000],
        [2_000, 10_099],
      ],
    ],
    [
      'have ages that differ',
      [
        [2_000, 10_000],
        [3_000, 20_000],
        [1_200, 30_000],
      ],
    ],
    [
      'end as soon as they are free',
      [
        [49, 10_000],
        [49, 20_000],
      ],
    ],
  ])('is not learnt from connections that %s', (_which, ends) => {
    const limit = new IdleLimit()
    for (const [ageMs, atMs] of ends) limit.ended(ageMs, atMs)
    expect(limit.msMax(USUAL_MS, 30_000)).toBe(USUAL_MS)
  })

  test('is learnt anew when what was seen is long ago', () => {
    const limit = new IdleLimit()
    limit.ended(2_000, 10_000)
    limit.ended(2_000, 20_000)
    expect(limit.msMax(USUAL_MS, 20_000 + 599_999)).toBe(1_000)
    expect(limit.msMax(USUAL_MS, 20_000 + 600_000)).toBe(USUAL_MS)
    // One end that is like the last is enough then.
    limit.ended(1_900, 700_000)
    expect(limit.msMax(USUAL_MS, 700_000)).toBe(950)
  })
})
