import { describe, expect, it } from 'vitest'
import { type Port, type ServiceKey, serviceKey, workloadKey } from '../../common/mod.ts'
import type { Backend, Endpoint, EndpointsSnapshot, ServiceSnapshot } from '../../model/snapshot/mod.ts'
import type { HeldResource } from './interest.ts'
import type { EndpointsChange, ReceivedUpdate } from './messages.ts'
import { wholeUpdate } from './whole-update.ts'

const [a, b] = ['a', 'b'].map(name => serviceKey('ns', name)) as [ServiceKey, ServiceKey]

function endpoint(number: number, address = '10.0.0.1'): Endpoint {
  const tls = { kind: 'none', why: 'not-in-mesh' } as const
  return { workload: workloadKey('ns', `a-${number}`), address, zone: '', ports: [], tls }
}

const held = (version: string, ...endpoints: Endpoint[]): ReadonlyMap<string, HeldResource> =>
  new Map([['endpoints/ns/a', { version, content: { service: a, endpoints } satisfies EndpointsSnapshot }]])

function interest(holds: ReadonlyMap<string, HeldResource> = new Map(), forgotten: readonly ServiceKey[] = []) {
  return { held: () => holds, wasForgotten: (key: ServiceKey) => forgotten.includes(key) }
}

function received(changes: readonly EndpointsChange[], services: readonly ServiceSnapshot[] = []): ReceivedUpdate {
  const update = { revision: '7', self: undefined, services, endpoints: [], absent: [] }
  return { update, versions: new Map([['endpoints/ns/a', 'new']]), changes }
}

function sendingTo(...backends: Backend[]): ServiceSnapshot {
  const rule = { route: 'ns/r', name: '#0', filters: [], backends, retry: undefined }
  const rules = [{ ...rule, requestTimeoutMs: undefined, attemptTimeoutMs: undefined }]
  return { key: a, ports: [], routing: { kind: 'routes', entries: [], rules }, traffic: {} as never }
}

describe('an update with changes', () => {
  it('becomes one with whole lists, sorted, sharing what did not change', () => {
    const kept = endpoint(3)
    const change = {
      service: a,
      base: 'old',
      put: [endpoint(2, '10.0.0.9'), endpoint(0)],
      removed: [endpoint(1).workload],
    }
    const whole = wholeUpdate(received([change]), interest(held('old', endpoint(1), endpoint(2), kept)))
    const endpoints = whole.ok ? whole.value.update.endpoints[0]?.endpoints : undefined
    expect(endpoints).toEqual([endpoint(0), endpoint(2, '10.0.0.9'), kept])
    expect(endpoints?.[2]).toBe(kept)
  })

  it.each([
    ['another version', held('other', endpoint(1))],
    ['nothing', new Map()],
  ])('is lost on who holds %s', (_, holds) => {
    const change = { service: a, base: 'old', put: [], removed: [] }
    expect(wholeUpdate(received([change]), interest(holds))).toMatchObject({
      ok: false,
      error: { lost: ['endpoints/ns/a'], problems: [{ resource: 'endpoints/ns/a', field: 'baseVersion' }] },
    })
  })
})

describe('rules that send to another Service', () => {
  const toB: Backend = { kind: 'service', service: b, port: 80 as Port, weight: 1 }

  it('are lost on who has just forgotten it', () => {
    const whole = wholeUpdate(received([], [sendingTo(toB)]), interest(new Map(), [b]))
    expect(whole).toMatchObject({ ok: false, error: { lost: ['service/ns/b'] } })
  })

  it('are taken where it is held, comes along, or was never here', () => {
    const service: ServiceSnapshot = { ...sendingTo(), key: b, routing: { kind: 'none-attached' } }
    const holdsB = new Map([['service/ns/b', { version: 'v', content: service }]])
    expect(wholeUpdate(received([], [sendingTo(toB)]), interest(holdsB, [b])).ok).toBe(true)
    expect(wholeUpdate(received([], [sendingTo(toB), service]), interest(new Map(), [b])).ok).toBe(true)
    expect(wholeUpdate(received([], [sendingTo(toB)]), interest()).ok).toBe(true)
  })
})
