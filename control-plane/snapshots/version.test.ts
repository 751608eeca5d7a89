import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ABSENT, contentVersion } from './version.ts'

describe('a version of content', () => {
  it('is the same for the same content, whatever the order of keys', () => {
    expect(contentVersion({ a: 1, b: { c: [1, 2], d: 'x' } })).toBe(contentVersion({ b: { d: 'x', c: [1, 2] }, a: 1 }))
  })

  it('differs where a value, a key or the order of a list differs', () => {
    const versions = [{ a: 1 }, { a: 2 }, { b: 1 }, { a: '1' }, { a: [1, 2] }, { a: [2, 1] }, { a: null }].map(
      contentVersion,
    )
    expect(new Set(versions).size).toBe(versions.length)
  })

  it('takes a key that is undefined for one that is not there', () => {
    expect(contentVersion({ a: 1, b: undefined })).toBe(contentVersion({ a: 1 }))
  })

  it('is never the sign of absence', () => {
    fc.assert(fc.property(fc.jsonValue(), value => contentVersion(value) !== ABSENT))
  })
})
