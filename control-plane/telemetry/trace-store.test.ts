import { describe, expect, it } from 'vitest'
import { workloadKey } from '../../common/mod.ts'
import type { Span } from '../../model/telemetry/mod.ts'
import { admitReport } from './admit.ts'
import { createTraceStore, SPANS_MAX, SPANS_TOTAL_MAX, TRACES_MAX } from './trace-store.ts'

let next = 0
function span(change: Partial<Span> = {}): Span {
  next++
  return {
    ...{ traceId: 'a'.repeat(32), spanId: String(next).padStart(16, '0'), parentSpanId: '', kind: 'client', route: '' },
    ...{ source: 'ns/a', destination: 'ns/b', method: 'GET', path: '/', status: 200, cause: undefined, endpoint: '' },
    ...{ startUs: next * 10, durationUs: 5 },
    ...change,
  }
}

describe('the trace store', () => {
  it('gathers the spans of one trace from all sidecars, in order of time', () => {
    const store = createTraceStore()
    const late = span({ startUs: 200 })
    const early = span({ startUs: 100, durationUs: 300 })
    const parent = span({ startUs: 100, durationUs: 400 })
    for (const one of [late, early, parent, late]) store.add(one)
    expect(store.trace('a'.repeat(32))?.spans).toEqual([parent, early, late])
    expect(store.trace('b'.repeat(32))).toBeUndefined()
  })

  it('sums a trace up by its first span without a known parent', () => {
    const store = createTraceStore()
    const root = span({
      parentSpanId: 'f'.repeat(16),
      startUs: 50,
      durationUs: 900,
      status: 503,
      cause: 'circuit-open',
    })
    store.add(span({ parentSpanId: root.spanId, startUs: 60 }))
    store.add(root)
    expect(store.traces({ slow: false, limit: 10 }).traces).toEqual([
      {
        ...{ traceId: 'a'.repeat(32), startUs: 50, durationUs: 900, root, spans: 2 },
        ...{ status: 503, cause: 'circuit-open' },
      },
    ])
  })

  it('bears spans that name each other in a circle', () => {
    const store = createTraceStore()
    store.add(span({ spanId: '1'.repeat(16), parentSpanId: '2'.repeat(16) }))
    store.add(span({ spanId: '2'.repeat(16), parentSpanId: '1'.repeat(16) }))
    expect(store.traces({ slow: false, limit: 1 }).traces[0]?.spans).toBe(2)
  })

  it('lists the newest first, or the slowest first, and no more than asked for', () => {
    const store = createTraceStore()
    for (const [traceId, startUs, durationUs] of [
      ['1', 10, 500],
      ['2', 20, 100],
      ['3', 30, 300],
    ] as const) {
      store.add(span({ traceId, startUs, durationUs }))
    }
    const ids = (slow: boolean, limit: number) => store.traces({ slow, limit }).traces.map(trace => trace.traceId)
    expect(ids(false, 10)).toEqual(['3', '2', '1'])
    expect(ids(true, 2)).toEqual(['1', '3'])
  })

  it('keeps a bounded number of traces, and of spans of each; the oldest trace goes first', () => {
    const store = createTraceStore()
    for (let i = 0; i <= TRACES_MAX; i++) store.add(span({ traceId: `t${i}` }))
    expect(store.trace('t0')).toBeUndefined()
    expect(store.trace('t1')).toBeDefined()
    for (let i = 0; i < SPANS_MAX + 10; i++) store.add(span({ traceId: 't1' }))
    expect(store.trace('t1')?.spans.length).toBe(SPANS_MAX)
  })

  it('keeps a bounded number of spans, however they are spread over traces', () => {
    const store = createTraceStore()
    const whole = SPANS_TOTAL_MAX / SPANS_MAX
    const fill = (traceId: string): void => {
      for (let i = 0; i < SPANS_MAX; i++) store.add(span({ traceId }))
    }
    for (let i = 0; i < whole; i++) fill(`t${i}`)
    expect(store.trace('t0')?.spans.length).toBe(SPANS_MAX)
    // The same span once more is no other.
    store.add(span({ traceId: 't1', spanId: store.trace('t1')?.spans[0]?.spanId ?? '' }))
    expect(store.trace('t0')).toBeDefined()
    for (let i = 0; i < 3; i++) fill(`more${i}`)
    const kept = Array.from({ length: whole }, (_, i) => store.trace(`t${i}`)).filter(one => one !== undefined)
    expect(kept).toHaveLength(whole - 3)
    expect([store.trace('t2'), store.trace('t3')]).toEqual([undefined, expect.anything()])
  })
})

describe('a report', () => {
  const edge = {
    ...{ route: '', requests: 1, successes: 1, mtlsRequests: 1, plaintextRequests: 0, retries: 0 },
    causes: [],
    latency: [],
  }

  it('speaks for its own namespace alone', () => {
    const admitted = admitReport(
      {
        workload: workloadKey('ns', 'a-0'),
        edges: [
          { ...edge, source: 'ns/a', destination: 'other/b' },
          { ...edge, source: 'other/a', destination: 'ns/b' },
        ],
        spans: [
          span({ kind: 'client', source: 'ns/a', destination: 'other/b' }),
          span({ kind: 'server', source: 'other/a', destination: 'ns/b' }),
          span({ kind: 'server', source: 'ns/a', destination: 'other/b' }),
          span({ kind: 'attempt', source: 'other/a', destination: 'ns/b' }),
          span({ kind: 'attempt', source: 'ns/a', destination: 'other/b' }),
          span({ kind: 'attempt', source: 'other/a', destination: 'other/b' }),
          span({ kind: 'client', source: 'other/a', destination: 'ns/b' }),
        ],
      },
      'ns',
    )
    expect(admitted.edges.map(one => one.source)).toEqual(['ns/a'])
    expect(admitted.spans.map(one => one.kind)).toEqual(['client', 'server', 'attempt', 'attempt'])
  })
})
