import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { Leaps } from './leaps.ts'
import { SCHEMA } from './schema.ts'

describe('leaps of the revision', () => {
  const leaps = (): Leaps => {
    const database = new DatabaseSync(':memory:')
    database.exec(SCHEMA)
    return new Leaps(database)
  }

  it('know what lies within one, without its ends', () => {
    const some = leaps()
    expect(some.add(5, 100)).toBe(0)
    expect(some.add(120, 200)).toBe(0)
    expect([5, 6, 99, 100, 110, 120, 121, 199, 200].filter(revision => some.leapt(revision))).toEqual([6, 99, 121, 199])
  })

  it('are a thousand at most: the oldest goes, and says up to where nothing is known any more', () => {
    const some = leaps()
    for (let i = 0; i < 1_000; i++) expect(some.add(i * 10, i * 10 + 5)).toBe(0)
    expect(some.add(10_000, 10_005)).toBe(5)
    expect(some.leapt(3)).toBe(false)
    expect(some.leapt(13)).toBe(true)
  })
})
