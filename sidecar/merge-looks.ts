import type { BreakerLimits } from '../decide/breaker/mod.ts'
import { GAUGES, type Gauges } from './telemetry/mod.ts'
import type { DestinationView, TrafficLook } from './traffic.ts'

/** One look at the traffic that several threads carry. `limitsOf` tells what is written; each thread knows its share alone. */
export function mergeLooks(
  looks: readonly TrafficLook[],
  limitsOf: (destination: string) => BreakerLimits | undefined,
): TrafficLook {
  const destinations = new Map<string, DestinationView>()
  const refused = new Map<string, TrafficLook['refusedConnections'][number]>()
  for (const look of looks) {
    for (const view of look.destinations) {
      const known = destinations.get(view.destination)
      const limits = limitsOf(view.destination) ?? view.limits
      destinations.set(view.destination, known === undefined ? { ...view, limits } : mergeDestinations(known, view))
    }
    for (const one of look.refusedConnections) {
      const key = `${one.direction} ${one.reason}`
      refused.set(key, { ...one, count: one.count + (refused.get(key)?.count ?? 0) })
    }
  }
  return {
    destinations: [...destinations.values()],
    loopDelay: {
      counts: sumOfEach(looks.map(({ loopDelay }) => loopDelay.counts)),
      sumMs: sum(looks.map(({ loopDelay }) => loopDelay.sumMs)),
      count: sum(looks.map(({ loopDelay }) => loopDelay.count)),
    },
    refusedConnections: [...refused.values()],
    gauges: sumOfGauges(looks),
  }
}

/** What is under way is added up; of what each thread judges by itself, the worst is told. */
function mergeDestinations(a: DestinationView, b: DestinationView): DestinationView {
  const breaker = {
    requests: a.breaker.requests + b.breaker.requests,
    pending: a.breaker.pending + b.breaker.pending,
    connections: a.breaker.connections + b.breaker.connections,
  }
  return {
    destination: a.destination,
    endpoints: mergeEndpoints(a.endpoints, b.endpoints),
    breaker,
    limits: a.limits,
    open: a.open || b.open || breaker.requests >= a.limits.requestsMax,
    budgetRatio: Math.max(a.budgetRatio, b.budgetRatio),
  }
}

function mergeEndpoints(
  a: DestinationView['endpoints'],
  b: DestinationView['endpoints'],
): DestinationView['endpoints'] {
  const merged = new Map(a.map(endpoint => [endpoint.address, endpoint]))
  for (const endpoint of b) {
    const known = merged.get(endpoint.address)
    merged.set(
      endpoint.address,
      known === undefined
        ? endpoint
        : {
            ...known,
            ejected: known.ejected || endpoint.ejected,
            pending: known.pending + endpoint.pending,
            latencyMs: Math.max(known.latencyMs, endpoint.latencyMs),
            connections: known.connections + endpoint.connections,
          },
    )
  }
  return [...merged.values()]
}

function sumOfGauges(looks: readonly TrafficLook[]): Gauges {
  const gauges = { inboundConnections: 0, outboundConnections: 0, inboundTunnels: 0, outboundTunnels: 0 }
  for (const look of looks) for (const gauge of GAUGES) gauges[gauge] += look.gauges[gauge]
  return gauges
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}

function sumOfEach(lists: readonly (readonly number[])[]): number[] {
  return (lists[0] ?? []).map((_, place) => sum(lists.map(list => list[place] ?? 0)))
}
