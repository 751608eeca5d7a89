import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stableJson } from './mod.ts'

test('stable JSON says the same as the value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), value => {
      expect(JSON.parse(stableJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('the order of keys does not matter, the order of a list does', () => {
  expect(stableJson({ b: { d: 1, c: 2 }, a: 3 })).toBe(stableJson({ a: 3, b: { c: 2, d: 1 } }))
  expect(stableJson([1, 2])).not.toBe(stableJson([2, 1]))
})

test('what is undefined is left out of an object, and null in a list', () => {
  expect(stableJson({ a: undefined, b: [undefined] })).toBe('{"b":[null]}')
})
