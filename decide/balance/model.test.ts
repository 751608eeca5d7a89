import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../common/mod.ts'
import {
  type EndpointLoad,
  loadCancelled,
  loadCost,
  loadEnded,
  loadFailed,
  loadStarted,
  newLoad,
  pickEndpoint,
} from './mod.ts'

// The balancer against what its two sources say: peak EWMA as one formula over all that was ever seen, and two choices as a choice of two.

const DECAY_MS = 10_000

interface Seen {
  readonly atMs: number
  readonly latencyMs: number
}

/**
 * Peak EWMA without a running value. From any observation on, an exponential average is a sum in which each later one weighs
 * what passed since the one before it, and all decay until now; a peak begins a new average. So the value is the greatest
 * of the averages that begin at each observation.
 */
function peakEwma(seen: readonly Seen[], nowMs: number): number {
  const decay = (ms: number): number => Math.exp(-ms / DECAY_MS)
  let greatest = 0
  for (let first = 0; first < seen.length; first++) {
    const begin = seen[first]!
    let sum = begin.latencyMs * decay(nowMs - begin.atMs)
    for (let i = first + 1; i < seen.length; i++) {
      const { atMs, latencyMs } = seen[i]!
      sum += latencyMs * (1 - decay(atMs - seen[i - 1]!.atMs)) * decay(nowMs - atMs)
    }
    greatest = Math.max(greatest, sum)
  }
  return greatest
}

const observation = fc.record({
  afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30_000 })),
  latencyMs: fc.integer({ min: 1, max: 5_000 }),
})

describe('peak EWMA', () => {
  test('is its formula over everything that was seen, at every moment', () => {
    fc.assert(
      fc.property(fc.array(observation, { minLength: 1, maxLength: 30 }), fc.nat(60_000), (all, laterMs) => {
        const load = newLoad(0)
        const seen: Seen[] = []
        let nowMs = 0
        for (const { afterMs, latencyMs } of all) {
          nowMs += afterMs
          loadStarted(load)
          loadEnded(load, nowMs, latencyMs)
          seen.push({ atMs: nowMs, latencyMs })
          expect(loadCost(load, nowMs)).toBeCloseTo(peakEwma(seen, nowMs), 6)
        }
        expect(loadCost(load, nowMs + laterMs)).toBeCloseTo(peakEwma(seen, nowMs + laterMs), 6)
      }),
      { numRuns: 300 },
    )
  })

  test('is multiplied by those in line and the one that asks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.nat(100), (latencyMs, pending) => {
        const load = newLoad(0)
        loadStarted(load)
        loadEnded(load, 0, latencyMs)
        for (let i = 0; i < pending; i++) loadStarted(load)
        expect(loadCost(load, 0)).toBe(latencyMs * (pending + 1))
      }),
    )
  })
})

interface Candidate {
  readonly id: number
  readonly load: EndpointLoad
  readonly usable: boolean
}

const NOW_MS = 100_000
const past = fc.array(
  fc.record({
    how: fc.constantFrom('end' as const, 'fail' as const, 'cancel' as const, 'wait' as const),
    atMs: fc.integer({ min: 0, max: NOW_MS }),
    latencyMs: fc.nat(2_000),
  }),
  { maxLength: 6 },
)
const candidates: fc.Arbitrary<Candidate[]> = fc
  .array(fc.record({ past, usable: fc.boolean() }), { minLength: 1, maxLength: 10 })
  .map(all => all.map((each, id) => ({ id, usable: each.usable, load: loadAfter(each.past) })))

function loadAfter(past: readonly { how: string; atMs: number; latencyMs: number }[]): EndpointLoad {
  const load = newLoad(0)
  for (const { how, atMs, latencyMs } of past.toSorted((a, b) => a.atMs - b.atMs)) {
    loadStarted(load)
    if (how === 'end') loadEnded(load, atMs, latencyMs)
    else if (how === 'fail') loadFailed(load, atMs, latencyMs)
    else if (how === 'cancel') loadCancelled(load, atMs, latencyMs)
  }
  return load
}

const isUsable = ({ usable }: Candidate): boolean => usable

describe('two choices', () => {
  test('never fall on what is ejected or not ready while another is there, whatever it costs', () => {
    fc.assert(
      fc.property(candidates, fc.integer(), (all, seed) => {
        const picked = pickEndpoint(all, isUsable, NOW_MS, seededRandom(seed))
        if (all.some(isUsable)) expect(picked?.usable).toBe(true)
        else expect(picked).toBeUndefined()
      }),
      { numRuns: 1_000 },
    )
  })

  test('take the cheaper of the two that were looked at, or of two whose latencies are within a factor of two the one with fewer in line', () => {
    fc.assert(
      fc.property(candidates, fc.integer(), (all, seed) => {
        // Those found usable in the order of being found: the first two are the choice.
        const found: Candidate[] = []
        const look = (candidate: Candidate): boolean => {
          if (candidate.usable && !found.includes(candidate)) found.push(candidate)
          return candidate.usable
        }
        const picked = pickEndpoint(all, look, NOW_MS, seededRandom(seed))
        if (picked === undefined || found.length !== 2) return
        const other = found.find(each => each !== picked)!
        const costs = [picked, other].map(({ load }) => loadCost(load, NOW_MS))
        const [cost = 0, otherCost = 0] = costs
        const [latency = 0, otherLatency = 0] = [picked, other].map(({ load }, k) => costs[k]! / (load.pending + 1))
        if (latency <= 2 * otherLatency && otherLatency <= 2 * latency)
          expect(picked.load.pending).toBeLessThanOrEqual(other.load.pending)
        else expect(cost).toBeLessThanOrEqual(otherCost)
      }),
      { numRuns: 1_000 },
    )
  })

  test('look at each pair as often as at any other: the place in the order of costs decides, by the odds of pairs', () => {
    // With n usable, the k-th cheapest (from 0) wins against n - 1 - k others, of n (n - 1) / 2 pairs.
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), fc.nat(6), fc.integer(), (usable, others, seed) => {
        const random = seededRandom(seed)
        const all: Candidate[] = Array.from({ length: usable + others }, (_, id) => {
          const load = newLoad(NOW_MS)
          loadStarted(load)
          // So far apart that none are alike.
          loadEnded(load, NOW_MS, 3 ** id)
          // Those that are not usable stand between the others.
          return { id, usable: others === 0 || id % 2 === 0 ? true : id > 2 * others, load }
        })
        const order = all.filter(isUsable)
        const picks = 3_000
        const wins = order.map(() => 0)
        for (let i = 0; i < picks; i++) wins[order.indexOf(pickEndpoint(all, isUsable, NOW_MS, random)!)]! += 1
        const pairs = (order.length * (order.length - 1)) / 2
        for (const [place, count] of wins.entries()) {
          const share = (order.length - 1 - place) / pairs
          // Six standard deviations of a share of one half.
          expect(Math.abs(count / picks - share)).toBeLessThan(0.055)
        }
      }),
      { numRuns: 40 },
    )
  })
})
