import fc from 'fast-check'
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

describe('[GW-11] whatever the timeouts are', () => {
  const timeout = fc.option(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100_000 })), { nil: undefined })
  const at = fc.integer({ min: 0, max: 1_000_000 })
  /** 0 and nothing are no bound at all. */
  const bound = (timeoutMs: number | undefined, fromMs: number): number =>
    timeoutMs === undefined || timeoutMs === 0 ? Number.POSITIVE_INFINITY : fromMs + timeoutMs

  test('an exchange ends with its own timeout where there is one, else with that of the mesh', () => {
    fc.assert(
      fc.property(at, timeout, timeout, (startMs, rule, mesh) => {
        const expected = rule === undefined ? bound(mesh, startMs) : bound(rule, startMs)
        expect(deadlineOf(startMs, rule, mesh) ?? Number.POSITIVE_INFINITY).toBe(expected)
      }),
    )
  })

  test('no attempt outlasts its own timeout or the exchange, whenever it starts, and none ends before it must', () => {
    fc.assert(
      fc.property(at, fc.nat(200_000), timeout, timeout, timeout, (startMs, laterMs, rule, mesh, own) => {
        const deadlineMs = deadlineOf(startMs, rule, mesh)
        const nowMs = startMs + laterMs
        const endMs = attemptDeadline(nowMs, own, deadlineMs) ?? Number.POSITIVE_INFINITY
        expect(endMs).toBe(Math.min(bound(own, nowMs), deadlineMs ?? Number.POSITIVE_INFINITY))
      }),
    )
  })
})
