import { expect, test } from 'vitest'
import { mergeLooks } from './merge-looks.ts'
import type { DestinationView, TrafficLook } from './traffic.ts'

const LIMITS = { connectionsMax: 10, pendingMax: 10, requestsMax: 4 }

function view(destination: string, requests: number, more: Partial<DestinationView> = {}): DestinationView {
  return {
    destination,
    endpoints: [
      { address: '10.0.0.1:80', ejected: false, pending: requests, latencyMs: 2, connections: 1, mtls: true },
    ],
    breaker: { requests, pending: 1, connections: 1 },
    limits: { connectionsMax: 5, pendingMax: 0, requestsMax: 0 },
    open: false,
    budgetRatio: 0.25,
    ...more,
  }
}

function look(destinations: DestinationView[], more: Partial<TrafficLook> = {}): TrafficLook {
  return {
    destinations,
    loopDelay: { counts: [1, 2], sumMs: 3, count: 3 },
    refusedConnections: [{ direction: 'inbound', reason: 'limit', count: 2 }],
    gauges: { inboundConnections: 1, outboundConnections: 2, inboundTunnels: 3, outboundTunnels: 4 },
    ...more,
  }
}

test('what several threads have open is added up, under the limits that are written', () => {
  const merged = mergeLooks([look([view('shop/a', 1)]), look([view('shop/a', 2), view('shop/b', 0)])], () => LIMITS)
  expect(merged.destinations.map(({ destination }) => destination)).toEqual(['shop/a', 'shop/b'])
  expect(merged.destinations[0]).toMatchObject({
    endpoints: [{ address: '10.0.0.1:80', pending: 3, connections: 2 }],
    breaker: { requests: 3, pending: 2, connections: 2 },
    ...{ limits: LIMITS, open: false, budgetRatio: 0.25 },
  })
  expect(merged.loopDelay).toEqual({ counts: [2, 4], sumMs: 6, count: 6 })
  expect(merged.gauges).toEqual({
    inboundConnections: 2,
    outboundConnections: 4,
    inboundTunnels: 6,
    outboundTunnels: 8,
  })
  expect(merged.refusedConnections).toEqual([{ direction: 'inbound', reason: 'limit', count: 4 }])
})

test('of what each thread judges by itself, the worst is told', () => {
  const ejecting = view('shop/a', 1, {
    endpoints: [
      { address: '10.0.0.1:80', ejected: true, pending: 0, latencyMs: 9, connections: 0, mtls: true },
      { address: '10.0.0.2:80', ejected: false, pending: 0, latencyMs: 1, connections: 0, mtls: true },
    ],
    budgetRatio: 1,
  })
  const [merged] = mergeLooks([look([view('shop/a', 1)]), look([ejecting])], () => LIMITS).destinations
  expect(merged?.endpoints).toMatchObject([
    { address: '10.0.0.1:80', ejected: true, latencyMs: 9, connections: 1 },
    { address: '10.0.0.2:80', ejected: false },
  ])
  expect(merged?.budgetRatio).toBe(1)
})

test('a circuit is open when all threads together have reached the limit, though none has by itself', () => {
  const looks = [look([view('shop/a', 2)]), look([view('shop/a', 2)])]
  expect(mergeLooks(looks, () => LIMITS).destinations[0]?.open).toBe(true)
})

test('nobody has said anything yet: nothing', () => {
  expect(mergeLooks([], () => undefined)).toMatchObject({ destinations: [], loopDelay: { count: 0 } })
})
