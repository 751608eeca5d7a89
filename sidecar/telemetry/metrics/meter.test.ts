import { describe, expect, test } from 'vitest'
import { CAUSES, type Cause } from '../../../common/mod.ts'
import { latencyCell, latencyQuantileMs } from '../../../model/telemetry/mod.ts'
import { Stack } from '../../http/mod.ts'
import { endWith, exchange } from '../exchange.fixture.ts'
import { measure } from '../mod.ts'
import { Meter, type MeterLabels } from './meter.ts'
import { Meters } from './meters.ts'

const LABELS: MeterLabels = {
  direction: 'outbound',
  source: 'shop/a',
  destination: 'shop/b',
  route: '',
  tls: 'mtls',
  protocol: 'http',
}

describe('a meter', () => {
  test('counts by status and cause, and gives them back', () => {
    const meter = new Meter(LABELS)
    const seen: [number, Cause | undefined][] = [
      [200, undefined],
      ...CAUSES.map(cause => [503, cause] as [number, Cause]),
    ]
    for (const [status, cause] of seen) for (let i = 0; i < 2; i++) meter.record(status, cause, 1, 10, 100)
    const got: [number, Cause | undefined, number][] = []
    meter.forEachCode((status, cause, count) => void got.push([status, cause, count]))
    expect(got).toEqual(seen.map(([status, cause]) => [status, cause, 2]))
    expect(meter).toMatchObject({ requests: 40, successes: 2, requestBytes: 400, answerBytes: 4_000 })
  })

  test('calls a success what is below 500 and has no cause of ours', () => {
    const meter = new Meter(LABELS)
    meter.record(499, undefined, 1, 0, 0)
    meter.record(500, undefined, 1, 0, 0)
    meter.record(404, 'route-not-found', 1, 0, 0)
    expect(meter).toMatchObject({ requests: 3, successes: 1 })
  })

  test('counts latencies in cells', () => {
    const meter = new Meter(LABELS)
    for (const ms of [0, 0.5, 1, 1_000, 1e9]) meter.record(200, undefined, ms, 0, 0)
    expect(meter.latency[latencyCell(500)]).toBe(1)
    expect(latencyQuantileMs(meter.latency, 0.8)).toBeGreaterThan(1_000)
    expect(meter.latency.reduce((sum, count) => sum + count, 0)).toBe(5)
  })
})

test('the filter counts each exchange at its end, with its retries', () => {
  const meter = new Meter(LABELS)
  const stack = new Stack(
    [
      measure(
        () => 1_250,
        () => meter,
      ),
    ],
    () => {},
  )
  for (const attempts of [0, 1, 3]) {
    const x = exchange()
    stack.begin(x)
    x.facts.attempts = attempts
    endWith(x, 200)
  }
  expect(meter).toMatchObject({ requests: 3, retries: 2, latencySumUs: 750_000 })
})

describe('all meters', () => {
  test('are found again by their labels', () => {
    const meters = new Meters()
    expect(meters.of({ ...LABELS })).toBe(meters.of({ ...LABELS }))
    expect(meters.of({ ...LABELS, tls: 'none' })).not.toBe(meters.of(LABELS))
    expect([...meters.all()].length).toBe(2)
  })

  test('[LOAD-6] of an edge on which nothing ends for an hour expire, all together, and make room', () => {
    const HOUR_MS = 3_600_000
    const meters = new Meters()
    const used = meters.of({ ...LABELS, destination: 'shop/used' })
    const quietRoute = meters.of({ ...LABELS, destination: 'shop/used', route: 'shop/quiet' })
    for (let i = 0; i < 4_998; i++) meters.of({ ...LABELS, destination: `shop/${i}` }).record(200, undefined, 1, 0, 0)
    const record = (meter: Meter) => meter.record(200, undefined, 1, 0, 0)
    record(used)
    record(quietRoute)
    expect(meters.of({ ...LABELS, destination: 'shop/late' }).labels.destination).toBe('other')
    expect(meters.expire(1_000)).toBe(false)
    record(used)
    expect(meters.expire(HOUR_MS / 2)).toBe(false)
    expect(meters.expire(HOUR_MS + 999)).toBe(false)
    expect(meters.expire(HOUR_MS + 1_000)).toBe(true)
    // The sums of an edge that is in use go on with what its quiet routes have counted.
    expect([...meters.all()]).toEqual([used, quietRoute])
    expect(meters.of({ ...LABELS, destination: 'shop/late' }).labels.destination).toBe('shop/late')
    expect(meters.of({ ...LABELS, destination: 'shop/1' }).requests).toBe(0)
    expect(meters.expire(HOUR_MS * 1.5)).toBe(true)
    expect([...meters.all()].map(({ labels }) => labels.destination)).toEqual(['shop/late', 'shop/1'])
  })

  test('[LOAD-6] are bounded: what comes on top is counted as other', () => {
    const meters = new Meters()
    for (let i = 0; i < 6_000; i++) {
      meters.of({ ...LABELS, destination: `shop/${i}` }).record(200, undefined, 1, 0, 0)
      meters.of({ ...LABELS, direction: 'inbound', source: `shop/${i}` }).record(200, undefined, 1, 0, 0)
    }
    const all = [...meters.all()]
    expect(all.length).toBe(5_002)
    expect(all.reduce((sum, meter) => sum + meter.requests, 0)).toBe(12_000)
    expect(all.at(-1)?.labels).toMatchObject({ destination: 'other' })
  })
})
