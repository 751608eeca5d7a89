import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test('the nearest name is the one with the fewest edits', () => {
  expect(nearest('htproute', ['httproute', 'service'])).toBe('httproute')
  expect(nearest('SERVCIE', ['httproute', 'service'])).toBe('service')
})

test('a word that is near to nothing has no nearest name', () => {
  expect(nearest('gateway', ['httproute', 'service'])).toBeUndefined()
  expect(nearest('xy', ['ab'])).toBeUndefined()
})
