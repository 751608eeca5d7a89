import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Cause, workloadKey } from '../../../common/mod.ts'
import { LATENCY_CELLS, type Span } from '../../../model/telemetry/mod.ts'
import { EdgeReporter } from '../mod.ts'
import { Meters } from './meters.ts'

const WORKLOAD = workloadKey('shop', 'a-1')
const LABELS = { direction: 'outbound', source: 'shop/a', route: 'shop/r', tls: 'mtls', protocol: 'http' } as const

function reported() {
  const meters = new Meters()
  const spans: Span[] = []
  const reporter = new EdgeReporter(WORKLOAD, meters, () => spans.splice(0))
  return { meters, spans, reporter }
}

test('nothing has happened: no report', () => {
  const { meters, reporter } = reported()
  expect(reporter.take()).toBeUndefined()
  meters.of({ ...LABELS, destination: 'shop/b' })
  expect(reporter.take()).toBeUndefined()
})

test('callers report; callees would count the same twice', () => {
  const { meters, reporter } = reported()
  meters.of({ ...LABELS, direction: 'inbound', destination: 'shop/b' }).record(200, undefined, 1, 0, 0)
  expect(reporter.take()).toBeUndefined()
})

test('a report holds what came since the last one', () => {
  const { meters, reporter } = reported()
  const meter = meters.of({ ...LABELS, destination: 'shop/b' })
  meter.record(200, undefined, 0.003, 0, 0)
  meter.record(503, 'overload', 0.003, 0, 0)
  meter.retries = 2
  expect(reporter.take()).toEqual({
    workload: WORKLOAD,
    spans: [],
    edges: [
      {
        ...{ source: 'shop/a', destination: 'shop/b', route: 'shop/r' },
        ...{ requests: 2, successes: 1, mtlsRequests: 2, plaintextRequests: 0, retries: 2 },
        causes: [{ cause: 'overload', count: 1 }],
        latency: [{ cell: 3, count: 2 }],
      },
    ],
  })
  expect(reporter.take()).toBeUndefined()
  meter.record(503, 'overload', 0.004, 0, 0)
  expect(reporter.take()?.edges).toMatchObject([
    {
      requests: 1,
      successes: 0,
      retries: 0,
      causes: [{ cause: 'overload', count: 1 }],
      latency: [{ cell: 4, count: 1 }],
    },
  ])
})

test('spans alone are a report', () => {
  const { spans, reporter } = reported()
  const span = { traceId: '1' } as Span
  spans.push(span)
  expect(reporter.take()).toEqual({ workload: WORKLOAD, edges: [], spans: [span] })
})

test('over any number of takes the reports add up to what was counted', () => {
  const event = fc.oneof(
    fc.constant('take' as const),
    fc.record({
      destination: fc.constantFrom('shop/b', 'shop/c'),
      mtls: fc.boolean(),
      status: fc.constantFrom(200, 404, 500, 503),
      cause: fc.constantFrom<Cause | undefined>(undefined, 'overload', 'circuit-open'),
      ms: fc.double({ min: 0, max: 10_000, noNaN: true }),
      retries: fc.nat(2),
    }),
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), events => {
      const { meters, reporter } = reported()
      const sum = { requests: 0, successes: 0, mtlsRequests: 0, retries: 0, causes: 0 }
      const cells = new Array<number>(LATENCY_CELLS).fill(0)
      const add = () => {
        for (const edge of reporter.take()?.edges ?? []) {
          expect(edge.requests).toBeGreaterThan(0)
          for (const name of ['requests', 'successes', 'mtlsRequests', 'retries'] as const) sum[name] += edge[name]
          for (const { count } of edge.causes) sum.causes += count
          for (const { cell, count } of edge.latency) cells[cell]! += count
        }
      }
      for (const each of events) {
        if (each === 'take') add()
        else {
          const meter = meters.of({ ...LABELS, destination: each.destination, tls: each.mtls ? 'mtls' : 'unsent' })
          meter.record(each.status, each.cause, each.ms, 0, 0)
          meter.retries += each.retries
        }
      }
      add()
      const counted = events.filter(each => each !== 'take')
      expect(sum).toEqual({
        requests: counted.length,
        successes: counted.filter(each => each.status < 500 && each.cause === undefined).length,
        mtlsRequests: counted.filter(each => each.mtls).length,
        retries: counted.reduce((all, each) => all + each.retries, 0),
        causes: counted.filter(each => each.cause !== undefined).length,
      })
      expect(cells.reduce((all, count) => all + count, 0)).toBe(counted.length)
      expect(reporter.take()).toBeUndefined()
    }),
  )
})
