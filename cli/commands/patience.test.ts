import { expect, test } from 'vitest'
import { CliFailure } from '../failure.ts'
import { UnreachableFailure } from '../rest/mod.ts'
import { patienceOf } from './patience.ts'

test('an absence that passes is told once, and so is the return; one that lasts ends the command', () => {
  const told: string[] = []
  let nowMs = 0
  const terminal = {
    ...{ out: () => {}, err: (text: string) => void told.push(text) },
    ...{ interactive: false, colour: false, columns: () => 80 },
  }
  const patience = patienceOf({ terminal }, { nowMs: () => nowMs })
  const away = new UnreachableFailure('Cannot reach it')
  // Who was never there is not waited for.
  expect(() => patience.failed(away)).toThrow(away)
  patience.answered()
  const refused = new CliFailure('Cannot use the token')
  expect(() => patience.failed(refused)).toThrow(refused)
  patience.failed(away)
  nowMs = 59_999
  patience.failed(away)
  patience.answered()
  patience.answered()
  expect(told).toEqual(['Cannot reach it. Trying again\n', 'The control plane is back\n'])
  patience.failed(away)
  nowMs += 60_000
  expect(() => patience.failed(away)).toThrow(away)
})
