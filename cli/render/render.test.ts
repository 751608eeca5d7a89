import { describe, expect, test } from 'vitest'
import type { Span } from '../../model/telemetry/mod.ts'
import type { Edge } from '../rest/answers.ts'
import { edgeTableLines } from './edges.ts'
import { graphDot, graphLines } from './graph.ts'
import { age, milliseconds, percent } from './numbers.ts'
import { fitLines, tableLines } from './table.ts'
import { treeOrder, waterfallLines } from './waterfall.ts'

function edge(source: string, destination: string, more: Partial<Edge> = {}): Edge {
  return {
    source,
    destination,
    requests: 100,
    requestsPerSecond: 10,
    successRate: 1,
    mtlsRate: 1,
    p50Ms: 1.5,
    p99Ms: 12.25,
    retries: 0,
    causes: {},
    ...more,
  }
}

function span(spanId: string, parentSpanId: string, more: Partial<Span> = {}): Span {
  return {
    traceId: 't'.repeat(32),
    spanId,
    parentSpanId,
    kind: 'client',
    source: 'b/load',
    destination: 'b/shop',
    method: 'GET',
    path: '/',
    status: 200,
    cause: undefined,
    route: '',
    endpoint: '127.0.0.1:1',
    startUs: 0,
    durationUs: 1000,
    ...more,
  }
}

describe('numbers', () => {
  test('a share below one is never shown as 100%', () => {
    expect([1, 0.99999, 0.5, 0.00001, 0].map(percent)).toEqual(['100%', '99.99%', '50.00%', '0.00%', '0%'])
  })

  test('durations keep three digits or so', () => {
    expect([0.123, 12.34, 123.4].map(milliseconds)).toEqual(['0.12 ms', '12.3 ms', '123 ms'])
  })

  test('ages are coarse', () => {
    expect([0, 119_000, 120_000, 7_200_000, 172_800_000].map(age)).toEqual(['0s', '119s', '2m', '2h', '2d'])
  })
})

describe('a table', () => {
  test('has columns as wide as their widest cell, and no trailing blanks', () => {
    const lines = tableLines(
      [{ heading: 'NAME' }, { heading: 'N', align: 'right' }, { heading: 'X' }],
      [
        ['catalog', '1', ''],
        ['x', '100', ''],
      ],
    )
    expect(lines).toEqual(['NAME       N  X', 'catalog    1', 'x        100'])
  })

  test('is cut to the terminal', () => {
    expect(fitLines(['abcdef', 'abc'], 4)).toEqual(['abc…', 'abc'])
  })

  test('of edges is in the order of names', () => {
    const lines = edgeTableLines([
      edge('b/z', 'b/a'),
      edge('b/a', 'b/z', { retries: 3, causes: { 'circuit-open': 2 } }),
    ])
    expect(lines[1]).toBe('b/a     b/z           10.0     100%  1.50 ms  12.3 ms  100%        3  circuit-open 2')
    expect(lines[2]).toMatch(/^b\/z /)
  })
})

describe('the graph', () => {
  test('is a tree from whom nobody calls', () => {
    const lines = graphLines([
      edge('shop', 'orders'),
      edge('load', 'shop'),
      edge('orders', 'payments'),
      edge('shop', 'catalog'),
    ])
    expect(lines.map(line => line.replace(/ {2}10.*/, ''))).toEqual([
      'load',
      '└─ shop',
      '   ├─ catalog',
      '   └─ orders',
      '      └─ payments',
    ])
  })

  test('ends where a service was drawn already', () => {
    const lines = graphLines([edge('a', 'b'), edge('b', 'a')])
    expect(lines).toHaveLength(3)
    expect(lines[2]).toMatch(/^ {3}└─ a .*\(see above\)$/)
  })

  test('for Graphviz quotes names, and colours what fails', () => {
    const lines = graphDot([edge('a"', 'b', { successRate: 0.9 })])
    expect(lines[3]).toBe('  "a\\"" -> "b" [label="10.0/s, 90.00% ok, p99 12.3 ms, mTLS", color=red]')
  })
})

describe('a waterfall', () => {
  test('shows children below their parents, in the order of their start', () => {
    const spans = [span('c', 'a', { startUs: 5 }), span('b', 'a', { startUs: 2 }), span('a', ''), span('d', 'b')]
    expect(treeOrder(spans).map(({ span, depth }) => `${depth}${span.spanId}`)).toEqual(['0a', '1b', '2d', '1c'])
  })

  test('shows a span whose parent was not kept at the top', () => {
    expect(treeOrder([span('a', 'gone')]).map(({ depth }) => depth)).toEqual([0])
  })

  test('draws each span when it was', () => {
    const lines = waterfallLines('abc', [
      span('a', '', { durationUs: 4000 }),
      span('b', 'a', { kind: 'attempt', startUs: 2000, durationUs: 2000, status: 503, cause: 'connect-failed' }),
    ])
    expect(lines[0]).toBe('trace abc: 4.00 ms, 2 spans')
    expect(lines[2]).toMatch(/^b\/load calls b\/shop: GET \/ +200 +4\.00 ms {2}█{40}$/)
    expect(lines[3]).toMatch(/^ {2}attempt at 127\.0\.0\.1:1 +503 connect-failed +2\.00 ms {22}█{20}$/)
  })
})
