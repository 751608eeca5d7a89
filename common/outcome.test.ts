import { expect, test } from 'vitest'
import { CAUSES, classifyStatus, isCause } from './mod.ts'

test.each([
  [200, 'success'],
  [404, 'success'],
  [429, 'success'],
  [499, 'success'],
  [500, 'server-error'],
  [501, 'server-error'],
  [502, 'gateway-error'],
  [503, 'gateway-error'],
  [504, 'gateway-error'],
  [505, 'server-error'],
  [599, 'server-error'],
] as const)('an answer of %i is a %s', (status, outcome) => {
  expect(classifyStatus(status)).toBe(outcome)
})

test('causes are what they are called, each once', () => {
  expect(new Set(CAUSES).size).toBe(CAUSES.length)
  for (const cause of CAUSES) {
    expect(isCause(cause)).toBe(true)
    expect(cause).toMatch(/^[a-z]+(-[a-z]+)*$/)
  }
  for (const text of ['', 'Overload', 'overload ', 'toString', '__proto__']) expect(isCause(text)).toBe(false)
})
