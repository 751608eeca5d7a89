import { expect, test } from 'vitest'
import type { AddressOwner } from '../../model/snapshot/mod.ts'
import { createAddressQuestions } from './address-questions.ts'

const NOBODY: AddressOwner = { kind: 'nobody' }

function questions() {
  const sent: string[] = []
  return { sent, ...createAddressQuestions(address => sent.push(address)) }
}

test('nothing is asked before the control plane has said that it answers', () => {
  const { sent, ask, greeted } = questions()
  expect(ask('10.0.0.1', () => undefined)).toBe(false)
  greeted(false)
  expect(ask('10.0.0.1', () => undefined)).toBe(false)
  expect(sent).toEqual([])
})

test('an answer goes to whoever asked, once', () => {
  const { sent, ask, greeted, answered } = questions()
  const found: AddressOwner[] = []
  greeted(true)
  expect(ask('10.0.0.1', owner => found.push(owner))).toBe(true)
  answered('10.0.0.2', NOBODY)
  answered('10.0.0.1', NOBODY)
  answered('10.0.0.1', NOBODY)
  expect(sent).toEqual(['10.0.0.1'])
  expect(found).toEqual([NOBODY])
})

test('what was not answered is asked again on the next stream, or given up when nobody answers there', () => {
  const { sent, ask, greeted, answered } = questions()
  const found: AddressOwner[] = []
  greeted(true)
  ask('10.0.0.1', owner => found.push(owner))
  greeted(true)
  expect(sent).toEqual(['10.0.0.1', '10.0.0.1'])
  greeted(false)
  greeted(true)
  expect(sent).toHaveLength(2)
  answered('10.0.0.1', NOBODY)
  expect(found).toEqual([])
})

test('a thousand questions may be open', () => {
  const { ask, greeted } = questions()
  greeted(true)
  for (let i = 0; i < 1_000; i++) expect(ask(`10.0.${i >> 8}.${i & 255}`, () => undefined)).toBe(true)
  expect(ask('10.1.0.0', () => undefined)).toBe(false)
})
