import { describe, expect, test } from 'vitest'
import { type OriginalDestination, type Port, type ServiceKey, serviceKey, workloadKey } from '../../common/mod.ts'
import type { AddressOwner, SelfSnapshot, ServiceSnapshot, SnapshotUpdate } from '../../model/snapshot/mod.ts'
import { CurrentPolicy, type PolicySink } from '../policy/mod.ts'
import { TimerWheel } from '../transport/mod.ts'
import { Authorities } from './authority.ts'
import { Resolver } from './resolve.ts'

const REVIEWS = serviceKey('shop', 'reviews')
const TRAFFIC: ServiceSnapshot['traffic'] = {
  policy: undefined,
  breaker: { connectionsMax: 1, pendingMax: 1, requestsMax: 1 },
  outlier: { consecutiveErrors: 0, baseEjectionMs: 0, ejectedPercentMax: 0, healthyPercentMin: 0 },
  retryBudget: { percent: 0, minPerSecond: 0, windowMs: 0 },
  connectTimeoutMs: 1,
  keepsNameCase: false,
  upgrades: undefined,
}

function to(address: string, port: number): OriginalDestination {
  return { address, port: port as Port, family: 4 }
}

interface Given {
  readonly unknownDestinations?: 'allow' | 'refuse'
  readonly owners?: Readonly<Record<string, AddressOwner>>
  /** Whether the source answers at all. */
  readonly connected?: boolean
  /** Services that are known; others are absent. */
  readonly services?: readonly ServiceKey[]
}

/** A mesh with reviews at 9080, whose one instance 10.0.0.7 listens on 8080. */
function resolverFor({ unknownDestinations = 'allow', owners = {}, connected = true, services = [REVIEWS] }: Given) {
  const mesh = { unknownDestinations } as SelfSnapshot['mesh']
  let sink: PolicySink | undefined
  const update = (part: Partial<SnapshotUpdate>) =>
    sink?.apply({ revision: '1', self: undefined, services: [], endpoints: [], absent: [], ...part })
  const policy = new CurrentPolicy(() => 1_000)
  policy.follow({
    start: given => {
      sink = given
      update({
        self: {
          workload: workloadKey('shop', 'w'),
          namespace: 'shop',
          services: [],
          ports: [],
          mesh,
        } as unknown as SelfSnapshot,
      })
    },
    want: key => {
      if (!connected) return
      if (!services.includes(key)) update({ absent: [key] })
      else {
        const port = { port: 9080 as Port, name: 'http', protocol: 'http' } as const
        const endpoint = {
          ...{ workload: workloadKey('shop', 'reviews-1'), address: '10.0.0.7', zone: '' },
          ports: [{ servicePort: 9080 as Port, appPort: 8080 as Port }],
          tls: { kind: 'none', why: 'not-in-mesh' } as const,
        }
        update({
          services: [{ key, ports: [port], routing: { kind: 'none-attached' }, traffic: TRAFFIC }],
          endpoints: [{ service: key, endpoints: [endpoint] }],
        })
      }
    },
    findOwner: (address, found) => {
      if (!connected) return false
      found(owners[address] ?? { kind: 'nobody' })
      return true
    },
    connected: () => connected,
    close: async () => undefined,
  })
  const wheel = new TimerWheel(() => 1_000)
  return new Resolver(policy, new Authorities('shop'), { wheel, broken: () => undefined })
}

describe('an intercepted request', () => {
  test.each(['reviews', 'reviews:9080', 'reviews.shop.svc.cluster.local:80'])(
    'to %s is for the service of that name, at the port to which the connection was going',
    authority => {
      expect(resolverFor({}).resolve(authority, 80, to('10.96.0.9', 9080))).toMatchObject({
        kind: 'service',
        key: REVIEWS,
        port: 9080,
      })
    },
  )

  test.each(['10.96.0.9', '10.96.0.9:9080', 'reviews.example.com', ''])(
    'to %j, which names no service, is for whoever has the address: a service',
    authority => {
      const resolver = resolverFor({ owners: { '10.96.0.9': { kind: 'service', service: REVIEWS } } })
      const resolved = resolver.resolve(authority, 80, to('10.96.0.9', 9080))
      expect(resolved).toMatchObject({ kind: 'service', key: REVIEWS, port: 9080 })
      expect('instance' in resolved).toBe(false)
    },
  )

  test("is for one instance, when it went to its address and its application's port", () => {
    const resolver = resolverFor({
      owners: { '10.0.0.7': { kind: 'instance', services: [serviceKey('shop', 'gone'), REVIEWS] } },
    })
    for (const authority of ['10.0.0.7:8080', 'reviews:8080']) {
      expect(resolver.resolve(authority, 80, to('10.0.0.7', 8080))).toMatchObject({
        ...{ kind: 'service', key: REVIEWS, port: 9080 },
        instance: { key: REVIEWS, appPort: 8080, endpoint: { address: '10.0.0.7' } },
      })
    }
  })

  test('is passed to the address as it is when that is nobody, whatever its Host would mean to DNS', () => {
    expect(resolverFor({}).resolve('example.com', 80, to('192.0.2.1', 8443))).toEqual({
      kind: 'external',
      host: '192.0.2.1',
      port: 8443,
    })
  })

  test('is passed through where an instance has no such port, and where a service has just gone', () => {
    const instance = resolverFor({ owners: { '10.0.0.7': { kind: 'instance', services: [REVIEWS] } } })
    expect(instance.resolve('10.0.0.7', 80, to('10.0.0.7', 9999))).toMatchObject({ kind: 'external', host: '10.0.0.7' })
    const gone = resolverFor({ owners: { '10.96.0.9': { kind: 'service', service: REVIEWS } }, services: [] })
    expect(gone.resolve('x.example.com', 80, to('10.96.0.9', 9080))).toMatchObject({
      kind: 'external',
      host: '10.96.0.9',
    })
  })

  test('is refused when it is nobody and MeshPolicy refuses that', () => {
    expect(
      resolverFor({ unknownDestinations: 'refuse' }).resolve('example.com', 80, to('192.0.2.1', 80)),
    ).toMatchObject({
      ...{ kind: 'refused', cause: 'unknown-destination' },
    })
  })

  test.each(['reviews', '10.96.0.9'])('to %s is refused at a port that the service does not have', authority => {
    const resolver = resolverFor({ owners: { '10.96.0.9': { kind: 'service', service: REVIEWS } } })
    expect(resolver.resolve(authority, 80, to('10.96.0.9', 81))).toMatchObject({
      ...{ kind: 'refused', cause: 'unknown-destination', detail: 'shop/reviews has no port 81; it has 9080' },
    })
  })

  test('to a service by name, at a port that it does not have, at an address of nobody, is told the ports', () => {
    expect(resolverFor({}).resolve('reviews', 80, to('192.0.2.1', 81))).toMatchObject({
      detail: 'shop/reviews has no port 81; it has 9080',
    })
  })

  test('that nobody can be asked about is refused for want of a policy, not passed through in plaintext', () => {
    expect(resolverFor({ connected: false }).resolve('10.96.0.9', 80, to('10.96.0.9', 9080))).toMatchObject({
      kind: 'refused',
      cause: 'no-policy',
    })
  })
})

test('a request that came by itself is resolved by its authority alone', () => {
  const resolver = resolverFor({ owners: { '10.96.0.9': { kind: 'service', service: REVIEWS } } })
  expect(resolver.resolve('10.96.0.9:9080', 80)).toEqual({ kind: 'external', host: '10.96.0.9', port: 9080 })
})
