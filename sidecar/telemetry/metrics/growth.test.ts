import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CAUSES } from '../../../common/mod.ts'
import { addGrowth, GAUGES, GrowthWatch, Instruments } from '../mod.ts'
import type { Meter } from './meter.ts'

const LABELS = { direction: 'outbound', source: 'shop/a', route: 'shop/r', tls: 'mtls', protocol: 'http' } as const

const NO_GAUGES = Object.fromEntries(GAUGES.map(gauge => [gauge, 0]))

function threads(count: number) {
  const sum = new Instruments()
  const workers = Array.from({ length: count }, () => {
    const instruments = new Instruments()
    return { instruments, growth: new GrowthWatch(instruments) }
  })
  /** As it comes over the border of a thread. */
  const gather = (): void => {
    for (const { growth } of workers) addGrowth(sum, structuredClone(growth.take()))
  }
  return { sum, workers, gather }
}

describe('what threads have counted', () => {
  test('adds up to what one would have counted, however often it is gathered', () => {
    const exchange = fc.record({
      worker: fc.nat(2),
      destination: fc.constantFrom('shop/b', 'shop/c'),
      direction: fc.constantFrom('outbound' as const, 'inbound' as const),
      status: fc.constantFrom(200, 404, 503),
      cause: fc.constantFrom(undefined, ...CAUSES),
      durationMs: fc.integer({ min: 0, max: 1_000 }),
      bytes: fc.nat(1_000),
      retries: fc.nat(2),
      thenGather: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(exchange), exchanges => {
        const { sum, workers, gather } = threads(3)
        const alone = new Instruments()
        for (const {
          worker,
          direction,
          destination,
          status,
          cause,
          durationMs,
          bytes,
          retries,
          thenGather,
        } of exchanges) {
          for (const { meters } of [workers[worker]!.instruments, alone]) {
            const meter = meters.of({ ...LABELS, direction, destination })
            meter.record(status, cause, durationMs, bytes, bytes * 2)
            meter.retries += retries
          }
          if (thenGather) gather()
        }
        gather()
        const byEdge = (meters: Iterable<Meter>) =>
          new Map([...meters].map(meter => [`${meter.labels.direction} ${meter.labels.destination}`, countsOf(meter)]))
        expect(byEdge(sum.meters.all())).toEqual(byEdge(alone.meters.all()))
      }),
    )
  })

  test('holds every number that there is', () => {
    const { sum, workers, gather } = threads(2)
    for (const { instruments } of workers) {
      countEverything(instruments)
      countEverything(instruments.meters.of({ ...LABELS, destination: 'shop/b' }))
    }
    gather()
    gather()
    // Whoever adds a counter, and does not add it to what is gathered, is stopped here.
    expect(numbersOf(sum)).toEqual(numbersOf(workers[0]!.instruments, NO_GAUGES, 2))
    const [meter] = sum.meters.all()
    const [one] = workers[0]!.instruments.meters.all()
    expect(numbersOf(meter!)).toEqual(doubled(numbersOf(one!)))
  })

  test('nothing has happened: nothing is told', () => {
    const { workers, gather } = threads(1)
    const { instruments, growth } = workers[0]!
    instruments.meters.of({ ...LABELS, destination: 'shop/b' }).record(200, undefined, 1, 0, 0)
    gather()
    expect(growth.take()).toEqual({
      meters: [],
      ...{ attempts: new Map(), refusals: new Map(), detections: new Map(), ejections: 0, brokenExchanges: 0 },
    })
  })
})

function countsOf(meter: Meter) {
  const { requests, successes, retries, requestBytes, answerBytes, latency, codes } = meter
  return {
    ...{ requests, successes, retries, requestBytes, answerBytes, latency: [...latency] },
    codes: new Map([...codes].toSorted()),
    latencySumUs: Math.round(meter.latencySumUs),
  }
}

/** Sets each number to 1, and puts one entry into each map and array, whatever they are called. */
function countEverything(counted: object): void {
  for (const [name, value] of Object.entries(counted)) {
    if (typeof value === 'number') Reflect.set(counted, name, 1)
    if (value instanceof Map) value.set(name === 'codes' ? 200 << 5 : 'x', 1)
    if (value instanceof Uint32Array) value[1] = 1
  }
}

function numbersOf(counted: object, instead: Record<string, number> = {}, times = 0): Record<string, number> {
  const numbers: Record<string, number> = {}
  for (const [name, value] of Object.entries(counted)) {
    if (typeof value === 'number') numbers[name] = times === 0 ? value : (instead[name] ?? times)
    if (value instanceof Map) numbers[name] = times === 0 ? ([...value.values()][0] ?? 0) : times
    if (value instanceof Uint32Array) numbers[name] = value[1]!
  }
  return numbers
}

function doubled(numbers: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, value * 2]))
}
