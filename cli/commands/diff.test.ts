import { expect, test } from 'vitest'
import { inOrderOf } from './diff.ts'

test('fields are compared in the order in which they are live: their order is no difference', () => {
  const live = { a: 1, labels: { x: '1', y: '2' }, list: [{ p: 1, q: 2 }] }
  const file = { list: [{ q: 3, p: 1 }, { z: 1 }], new: true, labels: { y: '2', x: '1' }, a: 1 }
  expect(JSON.stringify(inOrderOf(live, file))).toBe(
    '{"a":1,"labels":{"x":"1","y":"2"},"list":[{"p":1,"q":3},{"z":1}],"new":true}',
  )
  expect(inOrderOf(undefined, file)).toEqual(file)
  expect(inOrderOf([1], { a: [null] })).toEqual({ a: [null] })
})
