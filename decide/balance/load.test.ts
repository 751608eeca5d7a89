import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type EndpointLoad, loadCancelled, loadCost, loadEnded, loadFailed, loadStarted, newLoad } from './mod.ts'

function answered(nowMs: number, latencyMs: number): EndpointLoad {
  const load = newLoad(nowMs)
  loadStarted(load)
  loadEnded(load, nowMs, latencyMs)
  return load
}

describe('peak EWMA', () => {
  test('a peak counts in full at once', () => {
    const load = answered(0, 5)
    loadStarted(load)
    loadEnded(load, 1, 500)
    expect(loadCost(load, 1)).toBe(500)
  })

  test('a better latency counts little at once and almost all after three decay times', () => {
    const soon = answered(0, 500)
    loadStarted(soon)
    loadEnded(soon, 10, 5)
    expect(loadCost(soon, 10)).toBeGreaterThan(490)
    const late = answered(0, 500)
    loadStarted(late)
    loadEnded(late, 30_000, 5)
    expect(loadCost(late, 30_000)).toBeLessThan(35)
  })

  test('an idle endpoint is forgiven: its cost falls to 1/e in 10 s', () => {
    const load = answered(0, 100)
    expect(loadCost(load, 10_000)).toBeCloseTo(100 / Math.E, 6)
  })

  test('each request in line multiplies the cost', () => {
    const load = answered(0, 10)
    loadStarted(load)
    loadStarted(load)
    expect(loadCost(load, 0)).toBe(30)
  })

  test('a new endpoint costs nothing until it is being tried, and then more than a healthy one', () => {
    const load = newLoad(0)
    expect(loadCost(load, 0)).toBe(0)
    loadStarted(load)
    expect(loadCost(load, 0)).toBeGreaterThan(loadCost(answered(0, 1_000), 0))
  })

  test('an endpoint that answered in no time at all has answered', () => {
    const load = answered(0, 0)
    loadStarted(load)
    expect(loadCost(load, 0)).toBeLessThan(1)
  })

  test('a clock that stands still or steps back is no time passed', () => {
    const load = answered(100, 10)
    expect(loadCost(load, 100)).toBe(10)
    expect(loadCost(load, 50)).toBe(10)
  })
})

describe('failures', () => {
  test('a fast failure costs more than a healthy peer', () => {
    const load = newLoad(0)
    loadStarted(load)
    loadFailed(load, 1)
    expect(loadCost(load, 1)).toBeGreaterThanOrEqual(50)
    expect(load.pending).toBe(0)
  })

  test('failures in a row cost more each time, up to a bound', () => {
    const load = answered(0, 100)
    const costs = [loadCost(load, 0)]
    for (let nowMs = 100; nowMs <= 1_000; nowMs += 100) {
      loadStarted(load)
      loadFailed(load, nowMs)
      costs.push(loadCost(load, nowMs))
    }
    for (let i = 1; i < 5; i++) expect(costs[i]! / costs[i - 1]!).toBeCloseTo(4, 0)
    expect(costs.at(-1)).toBe(300_000)
  })

  test('what fails together, when a connection dies, counts once', () => {
    const load = answered(0, 100)
    for (let i = 0; i < 32; i++) loadStarted(load)
    for (let i = 0; i < 32; i++) loadFailed(load, 1 + i / 10)
    expect(loadCost(load, 5)).toBeCloseTo(400, -1)
  })

  test('a slow failure counts for what it took', () => {
    const load = answered(0, 5)
    loadStarted(load)
    loadFailed(load, 0, 15_000)
    expect(loadCost(load, 0)).toBe(15_000)
  })

  test('a cancelled attempt raises the cost when it had waited long, and never lowers it', () => {
    const load = answered(0, 100)
    loadStarted(load)
    loadCancelled(load, 0, 1)
    expect(loadCost(load, 0)).toBe(100)
    loadStarted(load)
    loadCancelled(load, 0, 3_000)
    expect(loadCost(load, 0)).toBe(3_000)
  })
})

test('whatever happens, the cost is finite and pending is what was started and has not ended', () => {
  const step = fc.record({
    what: fc.constantFrom('start' as const, 'end' as const, 'fail' as const, 'cancel' as const),
    afterMs: fc.integer({ min: 0, max: 100_000 }),
    latencyMs: fc.integer({ min: 0, max: 60_000 }),
  })
  fc.assert(
    fc.property(fc.array(step), steps => {
      const load = newLoad(0)
      let nowMs = 0
      let pending = 0
      for (const { what, afterMs, latencyMs } of steps) {
        nowMs += afterMs
        if (what === 'start') loadStarted(load)
        else if (what === 'end') loadEnded(load, nowMs, latencyMs)
        else if (what === 'fail') loadFailed(load, nowMs)
        else loadCancelled(load, nowMs, latencyMs)
        pending = Math.max(0, pending + (what === 'start' ? 1 : -1))
        expect(load.pending).toBe(pending)
        expect(loadCost(load, nowMs)).toBeGreaterThanOrEqual(0)
        expect(loadCost(load, nowMs)).toBeLessThan(300_000 * 1_000)
      }
    }),
  )
})
