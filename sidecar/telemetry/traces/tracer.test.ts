import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../common/mod.ts'
import { type Exchange, Stack } from '../../http/mod.ts'
import { endWith, exchange } from '../exchange.fixture.ts'
import { type KeptSpan, Tracer, UNTRACED } from '../mod.ts'
import { formatTraceparent, parseTraceparent } from './trace-context.ts'
import { newSpanId, TraceIds } from './trace-ids.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const SAMPLED = `00-${TRACE}-${PARENT}-01`
const UNSAMPLED = `00-${TRACE}-${PARENT}-00`

function traced(sampling: number, { seed = 1, reported = true, wanted = false } = {}) {
  const clock = { nowMs: 1_000 }
  const exported: KeptSpan[] = []
  const tracer = new Tracer({
    random: seededRandom(seed),
    nowMs: () => clock.nowMs,
    wallMs: () => 1_700_000_000_000 + clock.nowMs,
    sampling: () => sampling,
    reported,
    exported: { wanted, add: span => void exported.push(span) },
  })
  const stack = new Stack([tracer.filter('client')], () => {})
  const run = (fields: Record<string, string>, status: number): Exchange => {
    const x = exchange(fields)
    stack.begin(x)
    endWith(x, status)
    return x
  }
  return { tracer, stack, run, clock, exported }
}

describe('a traceparent that is given', () => {
  test.each([UNSAMPLED, `00-${TRACE}-${PARENT}-02`, `00-${TRACE}-${PARENT}-fe`])(
    'unsampled, is handed on untouched: %s',
    given => {
      const { tracer, run } = traced(1)
      const x = run({ traceparent: given, tracestate: 'a=b' }, 200)
      expect(x.request.headers.toText()).toBe(`traceparent: ${given}\r\ntracestate: a=b\r\n`)
      expect(x.traceSampled).toBe(false)
      expect(tracer.take()).toEqual([])
    },
  )

  test('sampled, goes on with our span as the parent', () => {
    const { tracer, run } = traced(0)
    const x = run({ traceparent: SAMPLED, tracestate: 'a=b' }, 200)
    const sent = parseTraceparent(x.request.headers.get('traceparent') ?? '')
    expect(sent).toMatchObject({ traceId: TRACE, sampled: true })
    expect(sent?.spanId).not.toBe(PARENT)
    expect(x.request.headers.get('tracestate')).toBe('a=b')
    expect(tracer.take()).toMatchObject([
      { traceId: TRACE, spanId: sent?.spanId, parentSpanId: PARENT, kind: 'client' },
    ])
  })

  test.each([
    'nonsense',
    '',
    SAMPLED.toUpperCase(),
    `${SAMPLED}-more`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${PARENT}-01`,
    `${SAMPLED}, ${SAMPLED}`,
  ])('malformed, gives way to a new trace, and its tracestate with it: %j', given => {
    const { run } = traced(1)
    const x = run({ traceparent: given, tracestate: 'a=b' }, 200)
    const sent = parseTraceparent(x.request.headers.get('traceparent') ?? '')
    expect(sent).toMatchObject({ sampled: true })
    expect(sent?.traceId).not.toBe(TRACE)
    expect(x.request.headers.has('tracestate')).toBe(false)
  })
})

describe('a new trace', () => {
  test('has one traceparent, ids of its own, and no parent', () => {
    const { tracer, run } = traced(1)
    const [one, two] = [run({}, 200), run({}, 200)]
    const ids = [one, two].map(x => parseTraceparent(x.request.headers.get('traceparent') ?? ''))
    expect(ids[0]?.traceId).not.toBe(ids[1]?.traceId)
    expect(ids[0]?.spanId).not.toBe(ids[1]?.spanId)
    expect(tracer.take().map(span => span.parentSpanId)).toEqual(['', ''])
  })

  test('is sampled as often as asked', () => {
    const { tracer, run } = traced(0.1)
    for (let i = 0; i < 10_000; i++) {
      run({}, 200)
      if (i === 0) continue
    }
    const kept = tracer.take().length
    expect(kept).toBeGreaterThan(900)
    expect(kept).toBeLessThan(1_100)
  })

  test('never or always, at the ends', () => {
    for (const sampling of [0, 1]) {
      const { tracer, run } = traced(sampling)
      for (let i = 0; i < 100; i++) run({}, 200)
      expect(tracer.take().length).toBe(sampling * 100)
    }
  })
})

describe('an error is kept', () => {
  test('of a trace that nobody sampled, below the span that was handed on', () => {
    const { tracer, run } = traced(0)
    run({ traceparent: UNSAMPLED }, 503)
    const [span] = tracer.take()
    expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, status: 503 })
    expect(span?.spanId).not.toBe(PARENT)
  })

  test('of a new trace that was not sampled, under the ids that went on', () => {
    const { tracer, run } = traced(0)
    const x = run({}, 500)
    const sent = parseTraceparent(x.request.headers.get('traceparent') ?? '')
    expect(sent?.sampled).toBe(false)
    expect(tracer.take()).toMatchObject([{ traceId: sent?.traceId, spanId: sent?.spanId, parentSpanId: '' }])
  })

  test('of what only looked like a trace, under ids of its own', () => {
    const { tracer, run } = traced(0)
    run({ traceparent: UNSAMPLED.replace(TRACE, '?'.repeat(32)) }, 500)
    expect(tracer.take()).toMatchObject([{ traceId: expect.stringMatching(/^[0-9a-f]{32}$/), parentSpanId: '' }])
  })

  test('where the mesh gave a cause, whatever the status', () => {
    const { tracer, stack } = traced(0)
    const x = exchange()
    stack.begin(x)
    x.facts.cause = 'rate-limited'
    endWith(x, 429)
    expect(tracer.take()).toMatchObject([{ status: 429, cause: 'rate-limited' }])
  })

  test('but no answer below 500 that the application gave', () => {
    const { tracer, run } = traced(0)
    run({}, 404)
    run({ traceparent: UNSAMPLED }, 499)
    expect(tracer.take()).toEqual([])
  })
})

describe('a span', () => {
  test('holds what is known of the exchange, but not its query', () => {
    const { tracer, stack, clock } = traced(1)
    const x = exchange()
    stack.begin(x)
    Object.assign(x.facts, { source: 'shop/a', destination: 'shop/b', route: 'shop/r', endpoint: '10.0.0.1:1' })
    clock.nowMs = 1_012.5
    endWith(x, 200)
    expect(tracer.take()).toMatchObject([
      {
        source: 'shop/a',
        destination: 'shop/b',
        route: 'shop/r',
        endpoint: '10.0.0.1:1',
        method: 'GET',
        path: '/a/b',
        status: 200,
        startUs: 1_700_000_001_000_000,
        durationUs: 12_500,
      },
    ])
  })

  test('of an attempt stands below the exchange, and is kept where that is sampled', () => {
    const { tracer, stack } = traced(0)
    const [sampled, not] = [exchange({ traceparent: SAMPLED }), exchange({})]
    for (const x of [sampled, not]) {
      stack.begin(x)
      tracer.attempt(x, '10.0.0.1:1', 'reset', 0, 1_000, 1_001)
    }
    expect(tracer.take()).toMatchObject([
      { kind: 'attempt', traceId: TRACE, parentSpanId: sampled.traceText.slice(36, 52), cause: 'upstream-reset' },
    ])
  })

  test('is dropped and counted when too many wait', () => {
    const { tracer, run } = traced(1)
    for (let i = 0; i < 2_010; i++) run({}, 200)
    expect(tracer.dropped).toBe(10)
    expect(tracer.take().length).toBe(2_000)
    expect(tracer.take()).toEqual([])
  })
})

test('what is formatted is read again', () => {
  fc.assert(
    fc.property(fc.integer(), fc.boolean(), (seed, sampled) => {
      const random = seededRandom(seed)
      const [traceId, spanId] = [newSpanId(random) + newSpanId(random), newSpanId(random)]
      expect(spanId).toMatch(/^[0-9a-f]{16}$/)
      expect(parseTraceparent(formatTraceparent(traceId, spanId, sampled))).toEqual({ traceId, spanId, sampled })
    }),
  )
})

test('reading never throws', () => {
  fc.assert(fc.property(fc.string(), text => void parseTraceparent(text)))
})

describe('attempts of a sampled exchange', () => {
  test('what the far side does hangs below the attempt, which hangs below the exchange', () => {
    const { tracer, stack } = traced(0)
    const x = exchange({ traceparent: SAMPLED })
    stack.begin(x)
    tracer.attempting(x)
    const sent = parseTraceparent(x.request.headers.get('traceparent') ?? '')
    tracer.attempt(x, '10.0.0.1:15006', 'success', 200, 1_000, 1_002)
    endWith(x, 200)
    const [attempt, whole] = tracer.take()
    expect(attempt).toMatchObject({ kind: 'attempt', spanId: sent?.spanId, parentSpanId: whole?.spanId })
    expect(whole).toMatchObject({ kind: 'client', parentSpanId: PARENT })
  })

  test('each attempt has a span of its own, one that never came to a connection too', () => {
    const { tracer, stack } = traced(0)
    const x = exchange({ traceparent: SAMPLED })
    stack.begin(x)
    tracer.attempt(x, '10.0.0.1:15006', 'connect-failed', 0, 1_000, 1_001)
    tracer.attempting(x)
    tracer.attempt(x, '10.0.0.2:15006', 'success', 200, 1_001, 1_002)
    const ids = tracer.take().map(span => span.spanId)
    expect(new Set(ids).size).toBe(2)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/)
  })

  test('an unsampled exchange keeps its header as it is', () => {
    const { tracer, stack } = traced(0)
    const x = exchange({ traceparent: UNSAMPLED })
    stack.begin(x)
    tracer.attempting(x)
    tracer.attempt(x, '10.0.0.1:15006', 'success', 200, 1_000, 1_002)
    expect(x.request.headers.toText()).toBe(`traceparent: ${UNSAMPLED}\r\n`)
    expect(tracer.take()).toEqual([])
  })
})

describe('a traceparent of a later version', () => {
  test('is read as far as version 00 goes, and goes on as that', () => {
    const { run } = traced(0)
    const x = run({ traceparent: `cc-${TRACE}-${PARENT}-01-what-comes-later` }, 200)
    expect(x.request.headers.get('traceparent')).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
    expect(x.traceParent).toBe(PARENT)
  })

  test.each([`cc-${TRACE}-${PARENT}-01.more`, `cc-${TRACE}-${PARENT}-0`, `c-${TRACE}-${PARENT}-01`])(
    'is no reason to take what is malformed: %s',
    given => {
      const { run } = traced(1)
      expect(run({ traceparent: given }, 200).request.headers.get('traceparent')).not.toContain(TRACE)
    },
  )
})

describe('spans that are exported', () => {
  test('are the same that are reported, and know more', () => {
    const { run, tracer, exported } = traced(1, { wanted: true })
    run({ tracestate: 'ignored=1', host: 'reviews' }, 200)
    run({ traceparent: SAMPLED, tracestate: 'vendor=1' }, 200)
    expect(exported).toEqual(tracer.take())
    expect(exported).toMatchObject([
      { authority: 'reviews', sampled: true, attempts: 0, minorVersion: 1, mtls: false, callerLeft: false },
      { traceState: 'vendor=1', parentSpanId: PARENT },
    ])
  })

  test('hold errors of requests that nobody sampled, as such', () => {
    const { run, exported } = traced(0, { wanted: true, reported: false })
    run({}, 200)
    run({}, 503)
    expect(exported).toMatchObject([{ status: 503, sampled: false }])
  })

  test('hold errors of gRPC, which come with 200', () => {
    const { exported, tracer } = traced(0, { wanted: true, reported: false })
    const filter = tracer.filter('client')
    for (const code of [0, 5, 14]) {
      const x = exchange()
      filter.request?.(x)
      x.status = 200
      x.facts.grpcStatus = code
      filter.end?.(x)
    }
    expect(exported).toMatchObject([{ status: 200, grpcStatus: 14, judged: 503, sampled: false }])
  })

  test('where nobody reports do not wait for a report', () => {
    const { run, tracer, exported } = traced(1, { wanted: true, reported: false })
    for (let i = 0; i < 3_000; i++) run({}, 200)
    expect([exported.length, tracer.take().length, tracer.dropped]).toEqual([3_000, 0, 0])
  })

  test('where nobody wants any are not even made, but the header is', () => {
    const { run, tracer, exported } = traced(1, { reported: false })
    const x = run({}, 503)
    tracer.attempt(x, '10.0.0.1:1', 'server-error', 503, 1_000, 1_001)
    expect([exported, tracer.take()]).toEqual([[], []])
    expect(x.request.headers.get('traceparent')).toMatch(/-01$/)
  })

  test('do not hold a tracestate that is longer than it has to be', () => {
    const { run, exported } = traced(0, { wanted: true })
    const x = run({ traceparent: SAMPLED, tracestate: `a=${'b'.repeat(511)}` }, 200)
    expect(exported).toMatchObject([{ traceState: '' }])
    expect(x.request.headers.get('tracestate')).toHaveLength(513)
  })

  test('tell of a caller that left', () => {
    const { stack, exported } = traced(0, { wanted: true })
    const x = exchange({ traceparent: SAMPLED })
    stack.begin(x)
    x.callerGone()
    expect(exported).toMatchObject([{ status: 499, callerLeft: true }])
  })
})

test('an exchange that carries spans leaves none, and no error either: each would be exported by another', () => {
  const { run, tracer, exported } = traced(1, { wanted: true })
  run({ traceparent: UNSAMPLED, tracestate: UNTRACED }, 503)
  expect([exported, tracer.take()]).toEqual([[], []])
  run({ traceparent: UNSAMPLED, tracestate: `${UNTRACED},vendor=1` }, 503)
  expect(exported).toHaveLength(1)
})

test('new traces never share an id, and are spread over what samplers look at', () => {
  const ids = new TraceIds(seededRandom(1))
  const texts = Array.from({ length: 100_000 }, () => ids.next(false))
  expect(texts.every(text => parseTraceparent(text)?.sampled === false)).toBe(true)
  expect(new Set(texts.map(text => text.slice(3, 35))).size).toBe(texts.length)
  expect(new Set(texts.map(text => text.slice(36, 52))).size).toBe(texts.length)
  // What a sampler by ratio compares: the last 56 bits of the trace id.
  const low = texts.filter(text => Number.parseInt(text.slice(21, 25), 16) < 0x8000).length
  expect(Math.abs(low / texts.length - 0.5)).toBeLessThan(0.02)
  const last = texts.filter(text => Number.parseInt(text.slice(27, 31), 16) < 0x8000).length
  expect(Math.abs(last / texts.length - 0.5)).toBeLessThan(0.01)
})
