import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Port, type SpiffeId, seededRandom, serviceKey, workloadKey } from '../common/mod.ts'
import type { Endpoint, RouteRule, ServiceSnapshot } from '../model/snapshot/mod.ts'
import { type Known, type SimulatedAnswer, type SimulatedRequest, Simulation } from './simulate.ts'

const KEY = serviceKey('shop', 'reviews')
const PORT = 80 as Port
const OK: SimulatedAnswer = { class: 'success', status: 200, tookMs: 5 }
const REFUSED: SimulatedAnswer = { class: 'connect-failed', status: 0, tookMs: 1 }
const BUSY: SimulatedAnswer = { class: 'gateway-error', status: 503, tookMs: 5 }
const GET: SimulatedRequest = {
  to: KEY,
  port: PORT,
  method: 'GET',
  path: '/',
  query: '',
  header: () => undefined,
  idempotencyKey: false,
}

function endpoint(id: number): Endpoint {
  return {
    workload: workloadKey('shop', `reviews-${id}`),
    address: `10.0.0.${id}`,
    zone: '',
    ports: [{ servicePort: PORT, appPort: 8080 as Port }],
    tls: { kind: 'mesh', spiffeId: 'spiffe://mesh.test/ns/shop/sa/reviews' as SpiffeId, inboundPort: 15_006 as Port },
  }
}

function rule(change: Partial<RouteRule> = {}): RouteRule {
  return {
    route: 'shop/reviews',
    name: '#0',
    filters: [],
    backends: [{ kind: 'service', service: KEY, port: PORT, weight: 1 }],
    requestTimeoutMs: undefined,
    attemptTimeoutMs: undefined,
    retry: undefined,
    ...change,
  }
}

/** A service with so many endpoints, and a rule for `/` when there is one. */
function known(endpoints: number, only?: RouteRule, traffic: Partial<ServiceSnapshot['traffic']> = {}): Known {
  const path = { kind: 'prefix', value: '/' } as const
  return {
    services: [
      {
        key: KEY,
        ports: [{ port: PORT, name: 'http', protocol: 'http' }],
        routing:
          only === undefined
            ? { kind: 'none-attached' }
            : {
                kind: 'routes',
                entries: [{ ports: [], rule: 0, path, method: undefined, headers: [], query: [] }],
                rules: [only],
              },
        traffic: {
          policy: undefined,
          breaker: { connectionsMax: 8, pendingMax: 8, requestsMax: 8 },
          outlier: { consecutiveErrors: 5, baseEjectionMs: 30_000, ejectedPercentMax: 50, healthyPercentMin: 50 },
          retryBudget: { percent: 20, minPerSecond: 10, windowMs: 10_000 },
          connectTimeoutMs: 1_000,
          keepsNameCase: false,
          upgrades: undefined,
          ...traffic,
        },
      },
    ],
    endpoints: [{ service: KEY, endpoints: Array.from({ length: endpoints }, (_, index) => endpoint(index + 1)) }],
    mesh: { requestTimeoutMs: undefined, retryAttempts: 1 },
  }
}

function simulation(of: Known, seed = 1): Simulation {
  return new Simulation(of, seededRandom(seed))
}

describe('a request', () => {
  test('passes through where no route is attached, and every decision is told', () => {
    expect(simulation(known(1)).send(GET, 100, () => OK)).toEqual({
      steps: [
        { step: 'route', match: 'pass-through' },
        { step: 'breaker', policy: undefined, admitted: true },
        { step: 'attempt', endpoint: '10.0.0.1:15006/8080', atMs: 100, class: 'success' },
      ],
      end: { kind: 'answered', status: 200, endpoint: '10.0.0.1:15006/8080' },
      endMs: 105,
    })
  })

  test('is retried as the rule says, and the last answer is the answer', () => {
    const retry = { attempts: 2, codes: [503], backoffMs: 25 }
    const { steps, end } = simulation(known(2, rule({ retry }))).send(GET, 0, () => BUSY)
    expect(steps.map(({ step }) => step)).toEqual([
      ...['route', 'backend', 'breaker', 'attempt', 'retry', 'attempt', 'retry', 'attempt', 'stop'],
    ])
    expect(steps.at(-1)).toEqual({ step: 'stop', why: 'attempts-used' })
    expect(end).toMatchObject({ kind: 'answered', status: 503 })
  })

  test.each<[string, Known, Partial<SimulatedRequest>, string]>([
    ['of which nothing is known', known(1), { to: serviceKey('shop', 'nobody') }, 'no-policy'],
    [
      'that asks for a protocol that no policy allows',
      known(1, undefined, { upgrades: { protocols: ['x-mine'], by: 'TrafficPolicy shop/p' } }),
      { upgrade: 'websocket' },
      'denied',
    ],
    ['without an endpoint', known(0), {}, 'no-healthy-endpoint'],
    ['whose backend is not there', known(1, rule({ backends: [] })), {}, 'unknown-destination'],
    ['beyond the breaker', known(1, undefined, { breaker: limits(0) }), {}, 'circuit-open'],
    ['whose endpoints are all down', known(2), {}, 'connect-failed'],
  ])('%s fails, and its cause is named', (_, of, change, cause) => {
    expect(simulation(of).send({ ...GET, ...change }, 0, () => REFUSED).end).toEqual({ kind: 'failed', cause })
  })

  test('[RETRY-1] ends with its timeout, whatever attempts are left', () => {
    const retry = { attempts: 9, codes: [503], backoffMs: 25 }
    const timed = rule({ requestTimeoutMs: 1_000, attemptTimeoutMs: 400, retry })
    const { steps, end, endMs } = simulation(known(3, timed)).send(GET, 0, () => ({ ...OK, tookMs: 5_000 }))
    expect(end).toEqual({ kind: 'failed', cause: 'request-timeout' })
    expect(endMs).toBe(1_000)
    expect(steps.filter(({ step }) => step === 'attempt')).toHaveLength(3)
  })

  test('goes to the ejected endpoint when the other has died', () => {
    const down = new Set(['10.0.0.1'])
    const all = simulation(known(2))
    const take = ({ address }: Endpoint): SimulatedAnswer => (down.has(address) ? REFUSED : OK)
    for (let nowMs = 0; nowMs < 1_000; nowMs += 10) expect(all.send(GET, nowMs, take).end.kind).toBe('answered')
    down.clear()
    down.add('10.0.0.2')
    for (let nowMs = 1_000; nowMs < 3_000; nowMs += 10) expect(all.send(GET, nowMs, take).end.kind).toBe('answered')
  })
})

test('[RETRY-5] whatever endpoints do: no more attempts than allowed, and each at another endpoint while there is one', () => {
  const answer = fc.constantFrom<SimulatedAnswer>(OK, BUSY, REFUSED, { class: 'reset', status: 0, tookMs: 20 })
  const plans = fc.array(fc.array(answer, { minLength: 5, maxLength: 5 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.nat(4), plans, fc.integer(), (endpoints, attempts, all, seed) => {
      // Nobody is ejected: whom to try is all that is looked at.
      const outlier = { consecutiveErrors: 0, baseEjectionMs: 1, ejectedPercentMax: 0, healthyPercentMin: 0 }
      const retry = { attempts, codes: [503], backoffMs: 0 }
      const sidecar = simulation(known(endpoints, rule({ retry }), { outlier }), seed)
      let nowMs = 0
      for (const plan of all) {
        const { steps, endMs } = sidecar.send(GET, nowMs, (_, attempt) => plan[attempt - 1]!)
        const tried = steps.flatMap(each => (each.step === 'attempt' ? [each.endpoint] : []))
        expect(tried.length).toBeLessThanOrEqual(1 + attempts)
        expect(new Set(tried).size).toBe(Math.min(tried.length, endpoints))
        expect(endMs).toBeGreaterThanOrEqual(nowMs)
        nowMs = endMs + 100
      }
    }),
    { numRuns: 200 },
  )
})

function limits(all: number): ServiceSnapshot['traffic']['breaker'] {
  return { connectionsMax: all, pendingMax: all, requestsMax: all }
}
