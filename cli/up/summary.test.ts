import { expect, test } from 'vitest'
import type { Edge } from '../mod.ts'
import { summarize } from './summary.ts'

function edge(requests: number, successRate: number, mtlsRate = 1): Edge {
  const rest = { requestsPerSecond: 1, p50Ms: 1, p99Ms: 2, retries: 0, causes: {} }
  return { source: 'a/a', destination: 'a/b', requests, successRate, mtlsRate, ...rest }
}

test('rates are weighted by requests', () => {
  expect(summarize([edge(90, 1), edge(10, 0.5)], 2)).toMatchObject({ requests: 100, successRate: 0.95, sidecars: 2 })
})

test('all successful is exactly 1', () => {
  expect(summarize([edge(3, 1), edge(7, 1), edge(13, 1)], 3).successRate).toBe(1)
})

test('no traffic is no failure', () => {
  expect(summarize([], 0)).toEqual({ requests: 0, successRate: 1, mtlsRate: 1, sidecars: 0, edges: [] })
})
