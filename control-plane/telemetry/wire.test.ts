import { describe, expect, it } from 'vitest'
import { decodeReport } from './wire.ts'

type Wire = Parameters<typeof decodeReport>[0]

const span: Wire['spans'][number] = {
  ...{ traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2), parentSpanId: Buffer.alloc(0), kind: 'client' },
  ...{ source: 'ns/a', destination: 'ns/b', method: 'GET', path: '/', status: 200, cause: '', route: '', endpoint: '' },
  ...{ startUs: 1, durationUs: 2 },
}

describe('a report of spans', () => {
  const spansOf = (...spans: readonly Wire['spans'][number][]) =>
    decodeReport({ workload: 'ns/a-0', edges: [], spans: [...spans] })?.spans

  it('is read as it is', () => {
    expect(spansOf(span)).toMatchObject([
      { traceId: '01'.repeat(16), spanId: '02'.repeat(8), parentSpanId: '', cause: undefined, path: '/' },
    ])
  })

  it('is cut where its texts are longer than any sidecar sends', () => {
    const long = 'é'.repeat(100_000)
    const [cut] = spansOf({ ...span, method: long, path: long, route: long, endpoint: long }) ?? []
    expect([cut?.method, cut?.path, cut?.route, cut?.endpoint].map(text => text?.length)).toEqual([32, 256, 512, 512])
    expect(cut?.path).toBe('é'.repeat(256))
  })

  it('is without those that have no ids, and none without a workload', () => {
    expect(spansOf({ ...span, traceId: Buffer.alloc(15) }, { ...span, spanId: Buffer.alloc(0) })).toEqual([])
    expect(decodeReport({ workload: 'a-0', edges: [], spans: [span] })).toBeUndefined()
  })
})
