import { describe, expect, test } from 'vitest'
import { attemptDeadline, deadlineOf } from './mod.ts'

describe('the end of an exchange [GW-11]', () => {
  test.each([
    [undefined, undefined, undefined],
    [undefined, 5_000, 6_000],
    [2_000, undefined, 3_000],
    [2_000, 5_000, 3_000],
    [9_000, 5_000, 10_000],
    [0, 5_000, undefined],
    [undefined, 0, undefined],
  ])("from 1000, the rule's timeout %s, the mesh's %s: %s", (rule, mesh, expected) => {
    expect(deadlineOf(1_000, rule, mesh)).toBe(expected)
  })
})

describe('the end of an attempt [GW-11]', () => {
  test.each([
    [undefined, undefined, undefined],
    [500, undefined, 1_500],
    [undefined, 3_000, 3_000],
    [0, 3_000, 3_000],
    [500, 3_000, 1_500],
    [5_000, 3_000, 3_000],
    [2_000, 3_000, 3_000],
  ])('from 1000, its own timeout %s, the exchange ends at %s: %s', (own, deadline, expected) => {
    expect(attemptDeadline(1_000, own, deadline)).toBe(expected)
  })
})
