import { describe, expect, it } from 'vitest'
import { type EdgeReport, latencyCell } from '../../model/telemetry/mod.ts'
import { graphOf } from './graph.ts'
import { createEdgeWindow, EDGES_MAX } from './window.ts'

function report(change: Partial<EdgeReport> = {}): EdgeReport {
  return {
    ...{
      source: 'ns/a',
      destination: 'ns/b',
      route: '',
      requests: 10,
      successes: 9,
      mtlsRequests: 10,
      plaintextRequests: 0,
      retries: 1,
    },
    ...{ causes: [{ cause: 'circuit-open', count: 1 }], latency: [{ cell: latencyCell(1_000), count: 10 }] },
    ...change,
  }
}

describe('the window of edges', () => {
  it('sums the routes and the instances of one edge', () => {
    const window = createEdgeWindow(0)
    window.add(report({ route: 'ns/r1' }), 500)
    window.add(report({ route: 'ns/r2', latency: [{ cell: latencyCell(100_000), count: 10 }] }), 600)
    const { edges, spanMs } = window.edges(10_000, 2_000)
    expect(graphOf(edges, 10_000, spanMs)).toEqual({
      windowMs: 10_000,
      edges: [
        {
          ...{ source: 'ns/a', destination: 'ns/b', requests: 20, requestsPerSecond: 10, retries: 2 },
          ...{ successRate: 0.9, mtlsRate: 1, p50Ms: 1.024, p99Ms: expect.closeTo(106.5, 0) },
          causes: { 'circuit-open': 2 },
        },
      ],
    })
  })

  it('forgets what is older than asked for, and keeps the total', () => {
    const window = createEdgeWindow(0)
    window.add(report(), 1_500)
    window.add(report({ requests: 4 }), 9_500)
    const requests = (windowMs: number, nowMs: number) => window.edges(windowMs, nowMs).edges[0]?.counts.requests
    expect(requests(10_000, 9_900)).toBe(14)
    expect(requests(5_000, 9_900)).toBe(4)
    expect(requests(5_000, 60_000)).toBeUndefined()
    expect(requests(0, 60_000)).toBe(14)
  })

  it('says how much time a long window is, and counts all of that', () => {
    const window = createEdgeWindow(0)
    for (let ms = 500; ms < 300_000; ms += 1_000) window.add(report({ requests: 1 }), ms)
    for (const [windowMs, span] of [
      [1_000, 900],
      [10_000, 9_900],
      [15_000, 14_900],
      [16_000, 29_900],
      [60_000, 59_900],
      [120_000, 119_900],
      [500_000, 119_900],
    ] as const) {
      const { spanMs, edges } = window.edges(windowMs, 299_900)
      expect([windowMs, spanMs, edges[0]?.counts.requests]).toEqual([windowMs, span, Math.ceil(span / 1_000)])
    }
    // The same after a pause in which nobody reported.
    expect(window.edges(60_000, 304_900)).toMatchObject({ spanMs: 64_900, edges: [{ counts: { requests: 60 } }] })
  })

  it('looks back two minutes at most', () => {
    const window = createEdgeWindow(0)
    window.add(report(), 500)
    window.add(report(), 200_000)
    expect(window.edges(1_000_000, 200_500).edges[0]?.counts.requests).toBe(10)
  })

  it('counts the rate over the time that there was', () => {
    const window = createEdgeWindow(50_000)
    window.add(report(), 51_000)
    expect(window.edges(60_000, 52_000).spanMs).toBe(2_000)
    expect(window.edges(0, 54_000).spanMs).toBe(4_000)
  })

  it('counts what goes beyond its bound together, so that the sum stays true', () => {
    const window = createEdgeWindow(0)
    for (let i = 0; i < EDGES_MAX + 5; i++) window.add(report({ destination: `ns/d${i}`, requests: 1 }), 500)
    const { edges } = window.edges(0, 1_000)
    expect(edges.length).toBe(EDGES_MAX + 1)
    expect(edges.find(edge => edge.source === 'other')?.counts.requests).toBe(5)
  })

  it('ignores a latency cell that there is not', () => {
    const window = createEdgeWindow(0)
    window.add(report({ latency: [{ cell: 1_000_000, count: 1 }] }), 500)
    expect(window.edges(0, 1_000).edges[0]?.counts.latency.size).toBe(0)
  })
})
