import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AttemptClass } from '../../common/mod.ts'
import { isEjected, OutlierGroup, OutlierState, recordOutcome, usableInPanic } from './mod.ts'

// A model that keeps the whole history of each endpoint and works everything out anew from it, against the state
// machine.

const OUTCOMES: readonly AttemptClass[] = ['success', 'server-error', 'reset', 'cancelled']

interface Past {
  readonly at: number
  readonly outcome: AttemptClass
}

interface Ejection {
  readonly fromMs: number
  readonly toMs: number
}

interface Modelled {
  readonly past: Past[]
  readonly ejections: Ejection[]
}

function outAt(each: Modelled, nowMs: number): boolean {
  return each.ejections.some(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs)
}

/** Failures in a row up to now, since the last success and the last ejection. */
function rowOf(each: Modelled): number {
  let row = 0
  for (const { outcome } of each.past) {
    if (outcome === 'success') row = 0
    else if (outcome !== 'cancelled') row += 1
  }
  return row
}

test('any outcomes of any endpoints at any time agree with a model that remembers everything', () => {
  const settings = fc.record({
    consecutiveErrors: fc.integer({ min: 0, max: 3 }),
    baseEjectionMs: fc.constantFrom(1_000, 30_000),
    ejectedPercentMax: fc.constantFrom(0, 10, 50, 100),
    healthyPercentMin: fc.constantFrom(0, 50, 80),
  })
  const step = fc.record({
    who: fc.nat(),
    outcome: fc.constantFrom(...OUTCOMES, 'server-error' as const),
    afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000 })),
  })
  fc.assert(
    fc.property(settings, fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 80 }), (set, size, steps) => {
      const group = new OutlierGroup()
      const states = Array.from({ length: size }, () => new OutlierState())
      for (const state of states) group.add(state)
      const model: Modelled[] = states.map(() => ({ past: [], ejections: [] }))
      let nowMs = 0

      for (const { who, outcome, afterMs } of steps) {
        nowMs += afterMs
        const state = states[who % size]!
        const each = model[who % size]!
        const out = model.filter(other => outAt(other, nowMs)).length
        const wasOut = outAt(each, nowMs)
        const bySize = Math.floor((size * set.ejectedPercentMax) / 100)
        const room = out < (set.ejectedPercentMax > 0 && size > 1 ? Math.max(1, bySize) : bySize)

        if (!wasOut || outcome === 'success') each.past.push({ at: nowMs, outcome })
        const failed = outcome !== 'success' && outcome !== 'cancelled' && !wasOut
        const expected = failed && set.consecutiveErrors > 0 && rowOf(each) >= set.consecutiveErrors && room
        expect(recordOutcome(state, group, set, outcome, nowMs)).toBe(expected ? 'ejected' : 'none')
        if (expected) {
          each.past.length = 0
          each.ejections.push({ fromMs: nowMs, toMs: state.ejectedUntilMs })
          const lengthMs = state.ejectedUntilMs - nowMs
          expect(lengthMs).toBeGreaterThanOrEqual(set.baseEjectionMs)
          expect(lengthMs).toBeLessThanOrEqual(Math.min(300_000, set.baseEjectionMs * each.ejections.length))
        }

        const outNow = model.filter(other => outAt(other, nowMs)).length
        expect(group.ejected(nowMs)).toBe(outNow)
        expect(states.map(other => isEjected(other, nowMs))).toEqual(model.map(other => outAt(other, nowMs)))
        const panic = outNow > 0 && (size - outNow) / size < set.healthyPercentMin / 100
        expect(usableInPanic(group, set, nowMs)).toBe(panic)
      }
    }),
    { numRuns: 1_000 },
  )
})
