import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type CollectorEndpoint, parseCollectorEndpoint } from '../../../common/mod.ts'
import { keptSpan } from './kept-span.fixture.ts'
import { type Collector, type Delivery, type ExportIdentity, OtlpExport } from './otlp-export.ts'

const WHO: ExportIdentity = { serviceName: 'web', namespace: 'shop', instance: 'shop/web-1', version: '1.0.0' }
const TAKEN: Delivery = { kind: 'taken' }
const FAILED: Delivery = { kind: 'failed', why: 'connection refused' }

function endpoint(text = 'http://one:4318'): CollectorEndpoint {
  const parsed = parseCollectorEndpoint(text)
  if (!parsed.ok) throw new Error(parsed.error)
  return parsed.value
}

/** Answers deliveries as it is told; `undefined` never answers. */
class FakeCollectors {
  answer: (host: string) => Delivery | undefined = () => TAKEN
  readonly deliveries: { host: string; spans: number; atMs: number }[] = []
  readonly open = new Map<string, number>()
  readonly identities: ExportIdentity[] = []

  readonly opener = async ({ host }: CollectorEndpoint, identity: ExportIdentity): Promise<Collector> => {
    this.open.set(host, (this.open.get(host) ?? 0) + 1)
    this.identities.push(identity)
    let closed = false
    const closing = Promise.withResolvers<Delivery>()
    return {
      deliver: async spans => {
        this.deliveries.push({ host, spans: spans.length, atMs: Date.now() })
        return this.answer(host) ?? closing.promise
      },
      close: () => {
        if (closed) return
        closed = true
        closing.resolve({ kind: 'failed', why: 'closed' })
        this.open.set(host, (this.open.get(host) ?? 0) - 1)
      },
    }
  }
}

describe('spans to a collector', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }))
  afterEach(() => void vi.useRealTimers())

  function exporting(first = 'http://one:4318') {
    const collectors = new FakeCollectors()
    const told: string[] = []
    const log = { info: (text: string) => void told.push(text), warn: (text: string) => void told.push(text) }
    const spans = new OtlpExport({ open: collectors.opener, random: () => 0.5, nowMs: () => Date.now(), log })
    if (first !== '') spans.configure(endpoint(first), WHO)
    const add = (count: number): void => {
      for (let i = 0; i < count; i++) spans.add(keptSpan())
    }
    const delivered = () => collectors.deliveries.map(({ spans }) => spans)
    return { spans, collectors, told, add, delivered }
  }
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

  test('are wanted only while a policy names one', () => {
    const { spans } = exporting('')
    expect(spans.wanted).toBe(false)
    spans.configure(endpoint(), WHO)
    expect(spans.wanted).toBe(true)
    spans.configure(undefined, WHO)
    expect(spans.wanted).toBe(false)
  })

  test('wait a second for each other, and leave together', async () => {
    const { add, delivered, spans } = exporting()
    add(3)
    await pass(999)
    expect(delivered()).toEqual([])
    await pass(1)
    expect([delivered(), spans.exported]).toEqual([[3], 3])
    await pass(60_000)
    expect(delivered()).toEqual([3])
  })

  test('leave at once when a batch is full, and never more than a batch together', async () => {
    const { add, delivered, spans } = exporting()
    add(300)
    await pass(0)
    expect([delivered(), spans.exported]).toEqual([[64, 64, 64, 64, 44], 300])
  })

  test('that come faster than they leave are dropped beyond 2,048, and counted', async () => {
    const { add, collectors, spans } = exporting()
    collectors.answer = () => undefined
    add(1)
    await pass(1_000)
    add(3_000)
    expect(spans.dropped['queue-full']).toBe(3_000 - 2_048)
    collectors.answer = () => TAKEN
    await pass(20_000)
    expect(spans.exported).toBe(1 + 2_048)
  })

  test('are tried again after a failure, ever less often, and given up after about a minute', async () => {
    const { add, collectors, spans } = exporting()
    collectors.answer = () => FAILED
    add(1)
    await pass(200_000)
    const times = collectors.deliveries.map(({ atMs }) => atMs)
    expect(times).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000])
    expect(spans.dropped).toMatchObject({ unreachable: 1, refused: 0 })
    // Each failure asks for another connection.
    expect(collectors.open.get('one')).toBe(1)
  })

  test('go on when the collector is back, and it is told once that it was away and once that it is back', async () => {
    const { add, collectors, told, spans } = exporting()
    collectors.answer = () => FAILED
    add(1)
    await pass(5_000)
    collectors.answer = () => TAKEN
    await pass(5_000)
    expect(spans).toMatchObject({ exported: 1, dropped: { unreachable: 0 } })
    expect(told).toEqual([
      'Exports spans to http://one:4318',
      expect.stringMatching(/^Cannot export spans to http:\/\/one:4318: connection refused\. Trying again; see that/),
      'Exports spans to http://one:4318 again',
    ])
  })

  test('that a collector refuses are dropped, not tried again; it is told once a minute, what to do with it', async () => {
    const { add, collectors, told, spans, delivered } = exporting()
    collectors.answer = () => ({ kind: 'refused', why: '401 Unauthorized' })
    for (let second = 0; second < 90; second++) {
      add(1)
      await pass(1_000)
    }
    // Ever less often: a collector that has no use for spans isn't kept busy with them.
    expect(delivered()).toEqual([1, 1, 2, 4, 8, 16, 30])
    expect(spans.dropped).toMatchObject({ refused: 62, unreachable: 0 })
    const warned = told.filter(text => text.startsWith('Cannot'))
    expect(warned).toHaveLength(2)
    expect(warned[0]).toMatch(
      /it refused them \(401 Unauthorized\), and they are dropped\. .*OTEL_EXPORTER_OTLP_HEADERS/,
    )
  })

  test('are not held up by a collector that never answers: its connection is given up after ten seconds', async () => {
    const { add, collectors, spans, told } = exporting()
    collectors.answer = () => undefined
    add(1)
    await pass(10_999)
    expect(collectors.deliveries).toHaveLength(1)
    collectors.answer = () => TAKEN
    await pass(2_000)
    expect(spans.exported).toBe(1)
    expect(told[1]).toMatch(/no whole answer within 10 s/)
    expect(collectors.open.get('one')).toBe(1)
  })

  test('go to another collector as soon as the policy says so, those that the first did not take as well', async () => {
    const { add, collectors, spans } = exporting()
    collectors.answer = host => (host === 'one' ? FAILED : TAKEN)
    add(200)
    await pass(1_500)
    expect(spans.exported).toBe(0)
    spans.configure(endpoint('grpc://two:4317'), WHO)
    await pass(0)
    expect(spans.exported).toBe(200)
    expect(collectors.deliveries.filter(({ host }) => host === 'two').map(({ spans }) => spans)).toEqual([
      64, 64, 64, 8,
    ])
    expect([collectors.open.get('one'), collectors.open.get('two')]).toEqual([0, 1])
  })

  test('under way to the first when the policy changes are taken by it, and not sent twice', async () => {
    const collectors = new FakeCollectors()
    const first = Promise.withResolvers<Delivery>()
    const opener = collectors.opener
    const slow = new OtlpExport({
      open: async (at, who) => {
        const collector = await opener(at, who)
        return at.host === 'one' ? { ...collector, deliver: () => first.promise } : collector
      },
      ...{ random: () => 0.5, nowMs: () => Date.now(), log: { info: () => {}, warn: () => {} } },
    })
    slow.configure(endpoint(), WHO)
    for (let i = 0; i < 5; i++) slow.add(keptSpan())
    await pass(1_000)
    slow.configure(endpoint('http://two:4318'), WHO)
    slow.add(keptSpan())
    await pass(100)
    first.resolve(TAKEN)
    await pass(1_000)
    expect(slow.exported).toBe(6)
    expect(collectors.deliveries).toMatchObject([{ host: 'two', spans: 1 }])
    expect(collectors.open.get('one')).toBe(0)
  })

  test('are of somebody else when the workload answers for another Service', async () => {
    const { add, collectors, spans, delivered } = exporting()
    spans.configure(endpoint(), { ...WHO })
    expect(collectors.identities).toHaveLength(1)
    spans.configure(endpoint(), { ...WHO, serviceName: 'shop' })
    add(1)
    await pass(1_000)
    expect(collectors.identities.map(who => who.serviceName)).toEqual(['web', 'shop'])
    expect(delivered()).toEqual([1])
    expect(collectors.open.get('one')).toBe(1)
  })

  test('that wait when the export is switched off still leave', async () => {
    const { add, collectors, spans } = exporting()
    add(3)
    spans.configure(undefined, WHO)
    await pass(10)
    expect(spans).toMatchObject({ exported: 3, dropped: { closed: 0 } })
    expect(collectors.open.get('one')).toBe(0)
  })

  test('switched off and on again at once go on as before', async () => {
    const { add, spans } = exporting()
    add(3)
    spans.configure(undefined, WHO)
    spans.configure(endpoint('http://two:4318'), WHO)
    await pass(2_000)
    add(1)
    await pass(2_000)
    expect(spans).toMatchObject({ exported: 4, dropped: { closed: 0 }, wanted: true })
  })

  test('leave before the sidecar ends', async () => {
    const { add, spans, collectors } = exporting()
    add(300)
    await spans.close()
    expect(spans).toMatchObject({ exported: 300, wanted: false })
    expect(collectors.open.get('one')).toBe(0)
  })

  test('do not keep the sidecar from ending for longer than 700 ms; what is left is counted', async () => {
    const { add, spans, collectors, told } = exporting()
    collectors.answer = () => undefined
    add(300)
    const ended = spans.close().then(() => Date.now())
    await pass(5_000)
    expect(await ended).toBe(700)
    expect(spans.dropped.closed).toBe(300)
    expect(collectors.open.get('one')).toBe(0)
    const lines = told.length
    await pass(60_000)
    expect(told).toHaveLength(lines)
  })

  test('whose exporter cannot be made are told of, and tried again', async () => {
    const told: string[] = []
    let broken = true
    const collectors = new FakeCollectors()
    const spans = new OtlpExport({
      open: async (at, who) => {
        if (broken) throw new Error('shop/collector has no endpoint')
        return collectors.opener(at, who)
      },
      ...{ random: () => 0.5, nowMs: () => Date.now(), log: { info: () => {}, warn: text => void told.push(text) } },
    })
    spans.configure(endpoint(), WHO)
    spans.add(keptSpan())
    await pass(1_000)
    expect(told).toEqual([expect.stringMatching(/shop\/collector has no endpoint/)])
    broken = false
    await pass(10_000)
    expect(spans.exported).toBe(1)
  })
})
