import { beforeAll, describe, expect, test } from 'vitest'
import { Instruments, renderMetrics } from '../mod.ts'

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? ([0-9.e+-]+|\\+Inf|NaN)$`)
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/

/** Prometheus' text format, version 0.0.4; throws at whatever isn't. */
function parse(text: string) {
  const types = new Map<string, string>()
  const helps = new Set<string>()
  const samples: Sample[] = []
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  for (const line of text.split('\n')) {
    if (line === '') continue
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line)
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment
      if (kind === 'HELP' ? helps.has(name) : types.has(name)) throw new Error(`${kind} ${name} twice`)
      if (kind === 'HELP') helps.add(name)
      else types.set(name, rest)
      continue
    }
    const match = SAMPLE.exec(line)
    if (match === null) throw new Error(`not a sample: ${line}`)
    const labels: Record<string, string> = {}
    for (let rest = match[2] ?? ''; rest !== ''; ) {
      const label = LABEL.exec(rest)
      if (label === null) throw new Error(`not a label: ${rest}`)
      if (label[1]! in labels) throw new Error(`label twice: ${line}`)
      labels[label[1]!] = label[2]!
      rest = rest.slice(label[0].length)
    }
    samples.push({ name: match[1]!, labels, value: Number(match[3]) })
  }
  return { types, helps, samples }
}

function view(instruments: Instruments) {
  return {
    instruments,
    endpoints: () => [
      { destination: 'shop/b', state: 'healthy' as const, count: 2 },
      { destination: 'shop/b', state: 'ejected' as const, count: 1 },
    ],
    circuits: () => [{ destination: 'shop/b', open: true, budgetRatio: 0.25 }],
    certificateExpiryMs: () => 1_700_000_000_500,
    configUpdates: () => ({ applied: 3, refused: 1 }),
    controlPlaneConnected: () => true,
    spans: () => ({ exported: 7, dropped: { 'queue-full': 2, refused: 0 } }),
    strain: () => ({
      memory: { ratio: 0.93, refusesConnections: true, refusesRequests: false },
      loopDelay: { boundsMs: [5, 1_000], counts: [7, 2, 1], sumMs: 2_500, count: 10 },
      refusedConnections: [
        { direction: 'outbound', reason: 'limit', count: 4 },
        { direction: 'pages', reason: 'limit', count: 1 },
      ],
      descriptors: { open: 30, max: 1024 },
      renewalOverdue: true,
    }),
  }
}

/** Some traffic of every kind. */
function busy(): Instruments {
  const instruments = new Instruments()
  const labels = {
    direction: 'outbound',
    source: 'shop/a',
    destination: 'shop/b',
    tls: 'mtls',
    protocol: 'http',
  } as const
  for (const route of ['', 'shop/r']) {
    const meter = instruments.meters.of({ ...labels, route })
    for (const ms of [0.1, 0.127, 0.129, 5, 200_000]) meter.record(200, undefined, ms, 10, 20)
    meter.record(503, 'circuit-open', 1, 0, 5)
    meter.retries = 3
  }
  instruments.meters.of({ ...labels, direction: 'inbound', route: '', tls: 'none' }).record(404, undefined, 1, 0, 0)
  instruments.attempted('success')
  instruments.attempted('reset')
  instruments.refused('bad-request')
  instruments.refused('tls-handshake')
  instruments.detected('http2')
  return instruments
}

describe('the exposition', () => {
  let text = ''
  let contentType = ''
  beforeAll(async () => {
    const rendered = await renderMetrics(view(busy()))
    text = rendered.text
    contentType = rendered.contentType
  })
  const named = (name: string, labels: Record<string, string> = {}) =>
    parse(text).samples.filter(
      sample => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
  const valuesOf = (name: string, labels: Record<string, string> = {}) => named(name, labels).map(({ value }) => value)

  test('is valid, each sample under a type and a help of its own, and no series twice', () => {
    const { types, helps, samples } = parse(text)
    expect(contentType).toContain('version=0.0.4')
    const series = samples.map(({ name, labels }) => `${name} ${JSON.stringify(Object.entries(labels).toSorted())}`)
    expect(new Set(series).size).toBe(series.length)
    for (const { name } of samples) {
      const base = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')
      expect([name, types.get(base)]).toEqual([name, expect.stringMatching(/^(counter|gauge|histogram)$/)])
      expect(helps.has(base)).toBe(true)
    }
    for (const [name, type] of types) if (type === 'counter') expect(name).toMatch(/_total$/)
  })

  test('counts requests by code and cause', () => {
    const labels = { direction: 'outbound', route: 'shop/r', tls: 'mtls', protocol: 'http' }
    expect(valuesOf('selvedge_requests_total', { ...labels, code: '200', cause: '' })).toEqual([5])
    expect(valuesOf('selvedge_requests_total', { ...labels, code: '503', cause: 'circuit-open' })).toEqual([1])
    expect(valuesOf('selvedge_requests_total', { direction: 'inbound', code: '404', tls: 'none' })).toEqual([1])
    expect(valuesOf('selvedge_bytes_total', { direction: 'outbound', kind: 'request' })).toEqual([100])
    expect(valuesOf('selvedge_retries_total', { route: 'shop/r' })).toEqual([3])
  })

  test('has a histogram that grows, ends at +Inf with the count, and adds up', () => {
    const labels = { direction: 'outbound', route: 'shop/r' }
    const buckets = named('selvedge_request_duration_seconds_bucket', labels)
    const values = buckets.map(({ value }) => value)
    expect(values).toEqual(values.toSorted((a, b) => a - b))
    const bounds = buckets.map(({ labels }) => (labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le)))
    expect(bounds).toEqual(bounds.toSorted((a, b) => a - b))
    expect(bounds.at(-1)).toBe(Number.POSITIVE_INFINITY)
    const count = valuesOf('selvedge_request_duration_seconds_count', labels)
    expect(count).toEqual([6])
    expect(values.at(-1)).toBe(6)
    expect(values.at(-2)).toBe(5)
    expect(valuesOf('selvedge_request_duration_seconds_bucket', { ...labels, le: '0.000128' })).toEqual([2])
    expect(valuesOf('selvedge_request_duration_seconds_sum', labels)[0]).toBeCloseTo(200.006356, 6)
  })

  test('tells what else there is to know', () => {
    expect(valuesOf('selvedge_attempts_total', { class: 'reset' })).toEqual([1])
    expect(valuesOf('selvedge_refusals_total', { cause: 'tls-handshake' })).toEqual([1])
    expect(valuesOf('selvedge_detection_total', { result: 'http2' })).toEqual([1])
    expect(valuesOf('selvedge_endpoints', { state: 'ejected' })).toEqual([1])
    expect(valuesOf('selvedge_circuit_state', { destination: 'shop/b' })).toEqual([1])
    expect(valuesOf('selvedge_retry_budget_ratio')).toEqual([0.25])
    expect(valuesOf('selvedge_certificate_expiry_timestamp_seconds')).toEqual([1_700_000_000.5])
    expect(valuesOf('selvedge_config_updates_total', { result: 'refused' })).toEqual([1])
    expect(valuesOf('selvedge_control_plane_connected')).toEqual([1])
    expect(valuesOf('selvedge_spans_exported_total')).toEqual([7])
    expect(valuesOf('selvedge_spans_dropped_total', { reason: 'queue-full' })).toEqual([2])
    expect(valuesOf('selvedge_spans_dropped_total', { reason: 'refused' })).toEqual([0])
  })

  test('[LOAD-2] [LOAD-3] [LOAD-7] [FAULT-2] tells how near we are to what we can carry', () => {
    expect(valuesOf('selvedge_memory_used_ratio')).toEqual([0.93])
    expect(valuesOf('selvedge_overload_state', { refuses: 'connections' })).toEqual([1])
    expect(valuesOf('selvedge_overload_state', { refuses: 'requests' })).toEqual([0])
    expect(valuesOf('selvedge_connections_refused_total', { direction: 'outbound', reason: 'limit' })).toEqual([4])
    expect(valuesOf('selvedge_connections_refused_total', { direction: 'outbound', reason: 'memory' })).toEqual([0])
    expect(valuesOf('selvedge_connections_refused_total', { direction: 'pages' })).toEqual([1])
    expect([valuesOf('process_open_fds'), valuesOf('process_max_fds')]).toEqual([[30], [1024]])
    expect(valuesOf('selvedge_certificate_renewal_overdue')).toEqual([1])
    expect(valuesOf('selvedge_event_loop_delay_seconds_bucket')).toEqual([7, 9, 10])
    expect(valuesOf('selvedge_event_loop_delay_seconds_bucket', { le: '0.005' })).toEqual([7])
    expect(valuesOf('selvedge_event_loop_delay_seconds_sum')).toEqual([2.5])
    expect(valuesOf('selvedge_event_loop_delay_seconds_count')).toEqual([10])
  })

  test('is valid before anything has happened, and after a scrape as before it', async () => {
    const instruments = new Instruments()
    const first = parse((await renderMetrics(view(instruments))).text)
    const second = parse((await renderMetrics(view(instruments))).text)
    expect(first.samples.length).toBeGreaterThan(0)
    const stable = ({ samples }: typeof first) => samples.filter(({ name }) => !name.startsWith('process_'))
    expect(stable(second)).toEqual(stable(first))
  })
})
