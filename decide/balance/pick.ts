import type { Random } from '../../common/mod.ts'
import { type EndpointLoad, loadCost } from './load.ts'

/**
 * Blind draws for one usable candidate before all are looked at. When half are usable, one pick in 16 ends in a scan.
 */
const DRAWS_MAX = 4
/**
 * Latencies within this factor say nothing: a program that has just started, a collection of garbage, a busy neighbour make as much. The slower of two that
 * are alike gets less all the same where several requests are under way: more are in line there.
 */
const ALIKE_FACTOR = 2
const NONE = -1

/**
 * Draws two different usable candidates, each pair as likely as any other, and takes the one with the lower cost ("The
 * Power of Two Choices in Randomized Load Balancing", Mitzenmacher 2001); where their latencies are alike, the one with fewer in line, and where those
 * are as many, the one that was drawn first. With one usable candidate takes it; `undefined` with none.
 */
export function pickEndpoint<T extends { readonly load: EndpointLoad }>(
  candidates: readonly T[],
  usable: (candidate: T) => boolean,
  nowMs: number,
  random: Random,
): T | undefined {
  const first = draw(candidates, usable, NONE, random)
  if (first === NONE) return undefined
  const one = candidates[first]!
  const second = draw(candidates, usable, first, random)
  if (second === NONE) return one
  const other = candidates[second]!
  return isBetter(other.load, one.load, nowMs) ? other : one
}

function isBetter(one: EndpointLoad, other: EndpointLoad, nowMs: number): boolean {
  const cost = loadCost(one, nowMs)
  const otherCost = loadCost(other, nowMs)
  // Costs are latencies times those in line.
  const latency = cost / (one.pending + 1)
  const otherLatency = otherCost / (other.pending + 1)
  const alike = latency <= otherLatency * ALIKE_FACTOR && otherLatency <= latency * ALIKE_FACTOR
  return alike ? one.pending < other.pending : cost < otherCost
}

/** The place of a usable candidate other than `except`, all equally likely; `NONE` when there is none. */
function draw<T>(candidates: readonly T[], usable: (candidate: T) => boolean, except: number, random: Random): number {
  const skipped = except === NONE ? 0 : 1
  const choices = candidates.length - skipped
  if (choices <= 0) return NONE
  if (choices > 1) {
    for (let i = 0; i < DRAWS_MAX; i++) {
      let place = Math.floor(random() * choices)
      if (skipped === 1 && place >= except) place += 1
      if (usable(candidates[place]!)) return place
    }
  }
  return scan(candidates, usable, except, random)
}

/**
 * The k-th usable candidate replaces the one kept so far with probability 1/k, which leaves each with the same chance.
 */
function scan<T>(candidates: readonly T[], usable: (candidate: T) => boolean, except: number, random: Random): number {
  let kept = NONE
  let seen = 0
  for (let place = 0; place < candidates.length; place++) {
    if (place === except || !usable(candidates[place]!)) continue
    seen += 1
    if (seen === 1 || random() * seen < 1) kept = place
  }
  return kept
}
