import { describe, expect, test } from 'vitest'
import type { AttemptClass } from '../../common/mod.ts'
import {
  isEjected,
  OutlierGroup,
  type OutlierSettings,
  OutlierState,
  portInPanic,
  recordOutcome,
  usableInPanic,
} from './mod.ts'

const SETTINGS: OutlierSettings = {
  consecutiveErrors: 5,
  baseEjectionMs: 30_000,
  ejectedPercentMax: 50,
  healthyPercentMin: 50,
}

function groupOf(size: number): { group: OutlierGroup; members: OutlierState[] } {
  const group = new OutlierGroup()
  const members = Array.from({ length: size }, () => new OutlierState())
  for (const member of members) group.add(member)
  return { group, members }
}

/** Records `times` outcomes of one class and returns how often that ejected. */
function repeat(
  state: OutlierState | undefined,
  group: OutlierGroup,
  times: number,
  nowMs: number,
  { outcome = 'server-error' as AttemptClass, settings = SETTINGS } = {},
): number {
  let ejections = 0
  for (let i = 0; i < times; i++) {
    if (state !== undefined && recordOutcome(state, group, settings, outcome, nowMs) === 'ejected') ejections += 1
  }
  return ejections
}

describe('ejection', () => {
  test.each<AttemptClass>(['server-error', 'gateway-error', 'connect-failed', 'reset', 'timeout', 'protocol-error'])(
    'the fifth %s in a row ejects, the fourth does not',
    outcome => {
      const { group, members } = groupOf(2)
      const first = members[0]!
      expect(repeat(first, group, 4, 0, { outcome })).toBe(0)
      expect(isEjected(first, 0)).toBe(false)
      expect(repeat(first, group, 1, 0, { outcome })).toBe(1)
      expect(isEjected(first, 0)).toBe(true)
      expect(group.ejected(0)).toBe(1)
    },
  )

  test('a success starts the row again', () => {
    const { group, members } = groupOf(2)
    repeat(members[0], group, 4, 0)
    repeat(members[0], group, 1, 0, { outcome: 'success' })
    expect(repeat(members[0], group, 4, 0)).toBe(0)
    expect(repeat(members[0], group, 1, 0)).toBe(1)
  })

  test('a cancelled attempt neither counts nor starts the row again', () => {
    const { group, members } = groupOf(2)
    repeat(members[0], group, 4, 0)
    expect(repeat(members[0], group, 9, 0, { outcome: 'cancelled' })).toBe(0)
    expect(repeat(members[0], group, 1, 0)).toBe(1)
  })

  test('an endpoint is back at the very millisecond at which its time ends', () => {
    const { group, members } = groupOf(2)
    repeat(members[0], group, 5, 1_000)
    expect(isEjected(members[0]!, 30_999)).toBe(true)
    expect(isEjected(members[0]!, 31_000)).toBe(false)
    expect(group.ejected(30_999)).toBe(1)
    expect(group.ejected(31_000)).toBe(0)
  })

  test('each ejection lasts longer by the base, up to 300 s', () => {
    const { group, members } = groupOf(2)
    const state = members[0]!
    const lengths: number[] = []
    let nowMs = 0
    for (let i = 0; i < 12; i++) {
      repeat(state, group, 5, nowMs)
      lengths.push(state.ejectedUntilMs - nowMs)
      nowMs = state.ejectedUntilMs
    }
    expect(lengths.slice(0, 3)).toEqual([30_000, 60_000, 90_000])
    expect(lengths.slice(9)).toEqual([300_000, 300_000, 300_000])
  })

  test('a base above 300 s is kept as it is', () => {
    const { group, members } = groupOf(2)
    repeat(members[0], group, 5, 0, { settings: { ...SETTINGS, baseEjectionMs: 400_000 } })
    expect(members[0]!.ejectedUntilMs).toBe(400_000)
  })

  test('one earlier ejection is forgiven for each five minutes without one', () => {
    const { group, members } = groupOf(2)
    const state = members[0]!
    repeat(state, group, 5, 0)
    repeat(state, group, 5, 30_000)
    expect(state.ejectedUntilMs).toBe(90_000)
    repeat(state, group, 5, 90_000 + 300_000)
    expect(state.ejectedUntilMs).toBe(390_000 + 60_000)
  })

  test('what ends during an ejection does not count', () => {
    const { group, members } = groupOf(2)
    repeat(members[0], group, 5, 0)
    expect(repeat(members[0], group, 50, 1)).toBe(0)
    expect(repeat(members[0], group, 4, 30_000)).toBe(0)
    expect(members[0]!.ejections).toBe(1)
  })

  test('0 consecutive errors turns ejection off', () => {
    const { group, members } = groupOf(2)
    expect(repeat(members[0], group, 100, 0, { settings: { ...SETTINGS, consecutiveErrors: 0 } })).toBe(0)
  })
})

describe('how many may be out', () => {
  test.each([
    [1, 50, 0],
    [2, 50, 1],
    [3, 50, 1],
    [4, 50, 2],
    [10, 50, 5],
    [10, 10, 1],
    [10, 1, 1],
    [2, 1, 1],
    [10, 0, 0],
    [3, 100, 3],
  ])('of %s endpoints at %s percent: %s', (size, ejectedPercentMax, expected) => {
    const { group, members } = groupOf(size)
    const settings = { ...SETTINGS, ejectedPercentMax }
    for (const member of members) repeat(member, group, 20, 0, { settings })
    expect(group.ejected(0)).toBe(expected)
  })

  test('who could not be ejected goes at the next failure after there is room', () => {
    const { group, members } = groupOf(2)
    repeat(members[0], group, 5, 0)
    expect(repeat(members[1], group, 20, 0)).toBe(0)
    expect(repeat(members[1], group, 1, 30_000)).toBe(1)
  })

  test('members that leave and come change the share', () => {
    const { group, members } = groupOf(4)
    repeat(members[0], group, 5, 0)
    repeat(members[1], group, 5, 0)
    expect(group.ejected(0)).toBe(2)
    group.remove(members[0]!)
    expect([group.size, group.ejected(0)]).toEqual([3, 1])
    group.add(members[0]!)
    group.add(members[0]!)
    expect([group.size, group.ejected(0)]).toEqual([4, 2])
  })
})

describe('panic', () => {
  test('below the healthy minimum all are used, at it they are not', () => {
    const { group, members } = groupOf(4)
    const settings = { ...SETTINGS, ejectedPercentMax: 100 }
    repeat(members[0], group, 5, 0)
    repeat(members[1], group, 5, 0)
    expect(usableInPanic(group, settings, 0)).toBe(false)
    repeat(members[2], group, 5, 0, { settings })
    expect(usableInPanic(group, settings, 0)).toBe(true)
    expect(usableInPanic(group, settings, 30_000)).toBe(false)
  })

  test('whoever could not be spared is not healthy: when one of two is out and the other fails too, both are used', () => {
    const { group, members } = groupOf(2)
    repeat(members[0], group, 5, 0)
    repeat(members[1], group, 4, 0)
    expect(usableInPanic(group, SETTINGS, 0)).toBe(false)
    repeat(members[1], group, 1, 0)
    expect([group.ejected(0), group.spared]).toEqual([1, 1])
    expect(usableInPanic(group, SETTINGS, 0)).toBe(true)
    repeat(members[1], group, 1, 0, { outcome: 'success' })
    expect(usableInPanic(group, SETTINGS, 0)).toBe(false)
  })

  test('whoever could not be spared and leaves is counted no more', () => {
    const { group, members } = groupOf(3)
    repeat(members[0], group, 5, 0)
    repeat(members[1], group, 5, 0)
    expect([group.ejected(0), group.spared]).toEqual([1, 1])
    group.remove(members[1]!)
    group.remove(members[1]!)
    expect(group.spared).toBe(0)
    group.add(members[1]!)
    expect(group.spared).toBe(1)
  })

  test("a port's only endpoint is used, though the group of all ports could spare it", () => {
    const { group, members } = groupOf(2)
    const at = (...places: number[]) => places.map(place => ({ outlier: members[place]! }))
    expect(portInPanic(at(0), group, SETTINGS, 0)).toBe(false)
    repeat(members[0], group, 5, 0)
    expect(usableInPanic(group, SETTINGS, 0)).toBe(false)
    expect([portInPanic(at(0), group, SETTINGS, 0), portInPanic(at(1), group, SETTINGS, 0)]).toEqual([true, false])
    expect(portInPanic(at(0, 1), group, SETTINGS, 0)).toBe(false)
    expect(portInPanic(at(0), group, { ...SETTINGS, healthyPercentMin: 0 }, 0)).toBe(false)
    expect(portInPanic([], group, SETTINGS, 0)).toBe(false)
    expect(portInPanic(at(0), group, SETTINGS, 30_000)).toBe(false)
  })

  test('whoever could not be spared is not healthy at its port either', () => {
    const { group, members } = groupOf(3)
    repeat(members[0], group, 5, 0)
    repeat(members[1], group, 5, 0)
    const port = [{ outlier: members[0]! }, { outlier: members[1]! }]
    expect(usableInPanic(group, SETTINGS, 0)).toBe(true)
    expect(portInPanic(port, group, SETTINGS, 0)).toBe(true)
  })

  test('a group without members, or without ejections, does not panic', () => {
    expect(usableInPanic(new OutlierGroup(), SETTINGS, 0)).toBe(false)
    expect(usableInPanic(groupOf(3).group, { ...SETTINGS, healthyPercentMin: 100 }, 0)).toBe(false)
  })

  test('a minimum of 0 never panics', () => {
    const { group, members } = groupOf(1)
    const settings = { ...SETTINGS, ejectedPercentMax: 100, healthyPercentMin: 0 }
    expect(repeat(members[0], group, 5, 0, { settings })).toBe(1)
    expect(usableInPanic(group, settings, 0)).toBe(false)
  })
})
