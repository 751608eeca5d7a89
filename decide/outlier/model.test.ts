import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AttemptClass } from '../../common/mod.ts'
import { isEjected, OutlierGroup, type OutlierSettings, OutlierState, recordOutcome, usableInPanic } from './mod.ts'

// The state machines of a group's members against a model that remembers everything and works each answer out anew.

const EJECTION_MAX_MS = 300_000
const FORGIVEN_AFTER_MS = 300_000
const MEMBERS_MAX = 7

interface Ejection {
  readonly fromMs: number
  readonly toMs: number
}

interface Modelled {
  readonly state: OutlierState
  /** What ended while it was in, since it was last ejected. */
  outcomes: AttemptClass[]
  readonly ejections: Ejection[]
}

interface Model {
  nowMs: number
  /** In the group. */
  members: Modelled[]
}

interface Real {
  readonly group: OutlierGroup
  readonly settings: OutlierSettings
}

function outAt({ ejections }: Modelled, nowMs: number): boolean {
  return ejections.some(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs)
}

/** Failures in a row up to now. */
function rowOf({ outcomes }: Modelled): number {
  let row = 0
  for (const outcome of outcomes) {
    if (outcome === 'success') row = 0
    else if (outcome !== 'cancelled') row += 1
  }
  return row
}

/** How many members may be out: the percentage, rounded down, but one of two or more where there is any percentage. */
function outMax(size: number, percent: number): number {
  if (percent === 0) return 0
  const share = Math.floor((size * percent) / 100)
  return size >= 2 ? Math.max(1, share) : share
}

/** Each ejection is longer by the base than the one before; for each five minutes in, one of them is forgiven. */
function lengthOf({ ejections }: Modelled, baseMs: number, nowMs: number): number {
  let counted = 0
  let backMs = 0
  for (const { fromMs, toMs } of [...ejections, { fromMs: nowMs, toMs: nowMs }]) {
    counted = Math.max(0, counted - Math.floor((fromMs - backMs) / FORGIVEN_AFTER_MS)) + 1
    backMs = toMs
  }
  return Math.min(baseMs * counted, Math.max(EJECTION_MAX_MS, baseMs))
}

function checkAll(model: Model, { group, settings }: Real): void {
  const { members, nowMs } = model
  const out = members.filter(member => outAt(member, nowMs)).length
  expect(members.map(({ state }) => isEjected(state, nowMs))).toEqual(members.map(member => outAt(member, nowMs)))
  expect(group.size).toBe(members.length)
  expect(group.ejected(nowMs)).toBe(out)
  const failing = members.filter(
    member => !outAt(member, nowMs) && settings.consecutiveErrors > 0 && rowOf(member) >= settings.consecutiveErrors,
  )
  const healthyPercent = ((members.length - out - failing.length) / members.length) * 100
  expect(usableInPanic(group, settings, nowMs)).toBe(out > 0 && healthyPercent < settings.healthyPercentMin)
}

class Outcome implements fc.Command<Model, Real> {
  readonly who: number
  readonly outcome: AttemptClass

  constructor(who: number, outcome: AttemptClass) {
    this.who = who
    this.outcome = outcome
  }

  check(model: Readonly<Model>): boolean {
    return model.members.length > 0
  }

  run(model: Model, real: Real): void {
    const { members, nowMs } = model
    const { group, settings } = real
    const member = members[this.who % members.length]!
    const wasOut = outAt(member, nowMs)
    const room =
      members.filter(other => outAt(other, nowMs)).length < outMax(members.length, settings.ejectedPercentMax)
    if (!wasOut || this.outcome === 'success') member.outcomes.push(this.outcome)
    const failed = this.outcome !== 'success' && this.outcome !== 'cancelled'
    const enough = settings.consecutiveErrors > 0 && rowOf(member) >= settings.consecutiveErrors
    const expected = failed && !wasOut && enough && room

    expect(recordOutcome(member.state, group, settings, this.outcome, nowMs)).toBe(expected ? 'ejected' : 'none')
    if (expected) {
      const toMs = nowMs + lengthOf(member, settings.baseEjectionMs, nowMs)
      // Back at that very millisecond, and not before.
      expect(isEjected(member.state, toMs - 1)).toBe(true)
      expect(isEjected(member.state, toMs)).toBe(false)
      member.ejections.push({ fromMs: nowMs, toMs })
      member.outcomes = []
      // Whoever is ejected was within what may be out, as it is now.
      const out = members.filter(other => outAt(other, nowMs)).length
      expect(out).toBeLessThanOrEqual(outMax(members.length, settings.ejectedPercentMax))
    }
    checkAll(model, real)
  }

  toString(): string {
    return `${this.outcome} of ${this.who}`
  }
}

class Wait implements fc.Command<Model, Real> {
  readonly ms: number

  constructor(ms: number) {
    this.ms = ms
  }

  check(): boolean {
    return true
  }

  run(model: Model, real: Real): void {
    model.nowMs += this.ms
    if (model.members.length > 0) checkAll(model, real)
  }

  toString(): string {
    return `${this.ms} ms later`
  }
}

class Join implements fc.Command<Model, Real> {
  check(model: Readonly<Model>): boolean {
    return model.members.length < MEMBERS_MAX
  }

  run(model: Model, real: Real): void {
    const state = new OutlierState()
    real.group.add(state)
    model.members.push({ state, outcomes: [], ejections: [] })
    checkAll(model, real)
  }

  toString(): string {
    return 'one joins'
  }
}

class Leave implements fc.Command<Model, Real> {
  readonly who: number

  constructor(who: number) {
    this.who = who
  }

  check(model: Readonly<Model>): boolean {
    return model.members.length > 1
  }

  run(model: Model, real: Real): void {
    const [gone] = model.members.splice(this.who % model.members.length, 1)
    if (gone !== undefined) real.group.remove(gone.state)
    checkAll(model, real)
  }

  toString(): string {
    return `${this.who} leaves`
  }
}

const settings: fc.Arbitrary<OutlierSettings> = fc.record({
  consecutiveErrors: fc.integer({ min: 0, max: 3 }),
  baseEjectionMs: fc.constantFrom(1_000, 30_000, 400_000),
  ejectedPercentMax: fc.constantFrom(0, 10, 50, 50, 50, 100),
  healthyPercentMin: fc.constantFrom(0, 50, 80),
})
const failure = fc.constantFrom<AttemptClass>('server-error', 'connect-failed', 'reset', 'timeout')
const someOutcome = fc.oneof(
  { arbitrary: failure, weight: 4 },
  { arbitrary: fc.constantFrom<AttemptClass>('success', 'cancelled'), weight: 1 },
)
const commands = fc.commands(
  [
    fc.tuple(fc.nat(MEMBERS_MAX), someOutcome).map(([who, outcome]) => new Outcome(who, outcome)),
    fc.tuple(fc.nat(MEMBERS_MAX), failure).map(([who, outcome]) => new Outcome(who, outcome)),
    fc.nat(MEMBERS_MAX).map(who => new Outcome(who % 2, 'server-error')),
    fc.constantFrom(1, 999, 1_000, 30_000, 60_000, 299_999, 700_000).map(ms => new Wait(ms)),
    fc.constant(new Join()),
    fc.nat(MEMBERS_MAX).map(who => new Leave(who)),
  ],
  { maxCommands: 100, size: 'max' },
)

describe('a group whose members fail, recover, join and leave at any time', () => {
  test('ejects whom a model with a perfect memory ejects, for as long, and never more than it may', () => {
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: MEMBERS_MAX }), commands, (set, size, list) => {
        fc.modelRun(() => {
          const group = new OutlierGroup()
          const states = Array.from({ length: size }, () => new OutlierState())
          for (const state of states) group.add(state)
          const members = states.map((state): Modelled => ({ state, outcomes: [], ejections: [] }))
          return { model: { nowMs: 0, members }, real: { group, settings: set } }
        }, list)
      }),
      { numRuns: 400 },
    )
  })

  test('by default has at most half of its members out, and one of two', () => {
    const byDefault = { consecutiveErrors: 5, baseEjectionMs: 30_000, ejectedPercentMax: 50, healthyPercentMin: 50 }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(39), { maxLength: 400 }), (size, failing) => {
        const group = new OutlierGroup()
        const states = Array.from({ length: size }, () => new OutlierState())
        for (const state of states) group.add(state)
        for (const [index, who] of failing.entries()) {
          recordOutcome(states[who % size]!, group, byDefault, 'server-error', index)
          expect(group.ejected(index)).toBeLessThanOrEqual(size / 2)
        }
      }),
    )
  })
})
