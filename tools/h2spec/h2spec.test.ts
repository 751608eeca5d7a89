import { expect, test } from 'vitest'
import { readH2spec } from './h2spec.ts'

test('the counts are those of its last line', () => {
  const output =
    'Failures:\n\n3 tests of something\nFinished in 0.3 seconds\n147 tests, 144 passed, 1 skipped, 2 failed\n'
  expect(readH2spec(output)).toEqual({ tests: 147, passed: 144, skipped: 1, failed: 2, output })
})

test('a run that did not get to its end is refused with its words', () => {
  expect(() => readH2spec('Error: dial tcp 127.0.0.1:1: connect: connection refused')).toThrow('connection refused')
})
