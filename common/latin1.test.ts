import { expect, test } from 'vitest'
import { latin1 } from './mod.ts'

test('each byte is one character', () => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  expect(latin1(every, 0, 256)).toBe(every.toString('latin1'))
  expect(latin1(every, 0xe8, 0xea)).toBe('èé')
  expect(latin1(every, 5, 5)).toBe('')
  expect(latin1(Buffer.from('abc').subarray(1), 0, 2)).toBe('bc')
})
