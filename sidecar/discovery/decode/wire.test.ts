import { describe, expect, it } from 'vitest'
import { decodeUpdate } from './wire.ts'

type Wire = Parameters<typeof decodeUpdate>[0]
type ServiceWire = Wire['services'][number]
type EndpointsWire = Wire['endpoints'][number]

const traffic = {
  ...{ connectionsMax: 1, pendingMax: 2, requestsMax: 3, connectTimeoutMs: 1_000, keepsNameCase: false },
  ...{
    outlierConsecutiveErrors: 5,
    outlierBaseEjectionMs: 6,
    outlierEjectedPercentMax: 7,
    outlierHealthyPercentMin: 8,
  },
  ...{ retryBudgetPercent: 20, retryBudgetMinPerSecond: 10, retryBudgetWindowMs: 10_000 },
  upgrades: null,
}
const service: ServiceWire = {
  ...{ version: 'v', key: 'ns/a', ports: [{ port: 80, name: 'http', protocol: 'http' }], routed: false },
  ...{ entries: [], rules: [], traffic },
}
const rule: ServiceWire['rules'][number] = { route: 'ns/r', name: '#0', filters: [], backends: [], retry: null }
const entry: ServiceWire['entries'][number] = {
  ...{ ports: [], rule: 0, path: { kind: 'prefix', value: '/' }, headers: [], query: [] },
}
const endpoint: EndpointsWire['endpoints'][number] = {
  ...{ workload: 'ns/a-0', address: '10.0.0.1', zone: '', ports: [{ servicePort: 80, appPort: 8080 }] },
  mesh: { spiffeId: 'spiffe://mesh.test/ns/ns/sa/a', inboundPort: 15_006 },
}
const endpoints: EndpointsWire = { version: 'w', service: 'ns/a', endpoints: [endpoint] }
const change: Wire['endpointChanges'][number] = {
  ...{ version: 'x', service: 'ns/a', baseVersion: 'w', put: [endpoint], removed: ['ns/a-1'] },
}
const self: NonNullable<Wire['self']> = {
  ...{ version: 's', workload: 'ns/w', namespace: 'ns', serviceAccount: 'w', trustDomain: 'mesh.test' },
  ...{ services: ['ns/a'], ports: [{ port: 8080, name: 'http', protocol: 'http', upgrades: null }] },
  mesh: {
    ...{ mtls: 'strict', unknownDestinations: 'allow', accessLog: false, traceSampling: 0.01, retryAttempts: 1 },
    endTunnelsAtRenewal: false,
  },
}

const read = (change: Partial<Wire>) =>
  decodeUpdate({
    nonce: '1',
    revision: '7',
    self: null,
    services: [],
    endpoints: [],
    absent: [],
    endpointChanges: [],
    ...change,
  })
function problemsOf(change: Partial<Wire>): string[] {
  const decoded = read(change)
  return decoded.ok ? [] : decoded.error.map(problem => `${problem.resource} ${problem.field}`)
}
const routed = (change: Partial<ServiceWire>) => ({ services: [{ ...service, routed: true, ...change }] })

describe('an update', () => {
  it('is read with the version of each part', () => {
    const decoded = read({ self, services: [service], endpoints: [endpoints], absent: ['ns/gone'] })
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.error))
    const { update, versions } = decoded.value
    expect(update).toMatchObject({ revision: '7', self: { workload: 'ns/w' }, absent: ['ns/gone'] })
    expect(update.services[0]?.routing).toEqual({ kind: 'none-attached' })
    expect(update.endpoints[0]?.endpoints[0]?.tls.kind).toBe('mesh')
    expect(versions).toEqual(
      new Map([
        ['self', 's'],
        ['service/ns/a', 'v'],
        ['endpoints/ns/a', 'w'],
      ]),
    )
  })

  it('is read with changes of endpoints', () => {
    const decoded = read({ endpointChanges: [change] })
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.error))
    const { changes, versions } = decoded.value
    expect(changes).toMatchObject([{ service: 'ns/a', base: 'w', put: [{ workload: 'ns/a-0' }], removed: ['ns/a-1'] }])
    expect(versions).toEqual(new Map([['endpoints/ns/a', 'x']]))
  })

  it('says which upgrades are allowed, and what becomes of tunnels at renewal', () => {
    const upgrades = { protocols: ['websocket'], by: 'TrafficPolicy ns/p' }
    const decoded = read({
      self: {
        ...{ ...self, ports: [{ port: 1, name: '', protocol: 'http', upgrades }] },
        mesh: { ...self.mesh!, endTunnelsAtRenewal: true },
      },
      services: [{ ...service, traffic: { ...traffic, upgrades: { protocols: [], by: 'MeshPolicy ns/default' } } }],
    })
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.error))
    const { update } = decoded.value
    expect(update.self?.ports[0]?.upgrades).toEqual(upgrades)
    expect(update.self?.mesh.tunnelsAtRenewal).toBe('end')
    expect(update.services[0]?.traffic.upgrades).toEqual({ protocols: [], by: 'MeshPolicy ns/default' })
    const without = read({ self, services: [service] })
    if (!without.ok) throw new Error(JSON.stringify(without.error))
    expect(without.value.update.self?.ports[0]?.upgrades).toBeUndefined()
    expect(without.value.update.self?.mesh.tunnelsAtRenewal).toBe('keep')
    expect(without.value.update.services[0]?.traffic.upgrades).toBeUndefined()
  })

  it('may be empty', () => {
    expect(read({}).ok).toBe(true)
  })

  it('reads an endpoint without mesh as one in plaintext', () => {
    const decoded = read({ endpoints: [{ ...endpoints, endpoints: [{ ...endpoint, mesh: null }] }] })
    const tls = decoded.ok && decoded.value.update.endpoints[0]?.endpoints[0]?.tls
    expect(tls).toEqual({ kind: 'none', why: 'not-in-mesh' })
  })

  it.each<[string, Partial<Wire>, string[]]>([
    [
      'a port of 0',
      { services: [{ ...service, ports: [{ port: 0, name: '', protocol: 'http' }] }] },
      ['service/ns/a ports[0].port'],
    ],
    [
      'an unknown protocol',
      { self: { ...self, ports: [{ port: 1, name: '', protocol: 'quic', upgrades: null }] } },
      ['self ports[0].protocol'],
    ],
    ['an unknown mTLS mode', { self: { ...self, mesh: { ...self.mesh!, mtls: 'off' } } }, ['self mesh.mtls']],
    ['no traffic settings', { services: [{ ...service, traffic: null }] }, ['service/ns/a traffic']],
    ['a key that is no name', { services: [{ ...service, key: 'a' }] }, ['service/a key']],
    ['an entry without its rule', routed({ entries: [entry] }), ['service/ns/a entries[0].rule']],
    [
      'an unknown match',
      routed({ entries: [{ ...entry, path: { kind: 'glob', value: '*' } }], rules: [rule] }),
      ['service/ns/a entries[0].path.kind'],
    ],
    ['an unknown filter', routed({ rules: [{ ...rule, filters: [{}] }] }), ['service/ns/a rules[0].filters[0]']],
    [
      'an address that is a name',
      { endpoints: [{ ...endpoints, endpoints: [{ ...endpoint, address: 'localhost' }] }] },
      ['endpoints/ns/a endpoints[0].address'],
    ],
    [
      'a SPIFFE ID that is none',
      { endpoints: [{ ...endpoints, endpoints: [{ ...endpoint, mesh: { spiffeId: 'x', inboundPort: 1 } }] }] },
      ['endpoints/ns/a endpoints[0].mesh.spiffeId'],
    ],
    [
      'a change of endpoints with an address that is a name',
      { endpointChanges: [{ ...change, put: [{ ...endpoint, address: 'localhost' }] }] },
      ['endpoints/ns/a put[0].address'],
    ],
    [
      'a change that removes what is no name',
      { endpointChanges: [{ ...change, removed: ['a'] }] },
      ['endpoints/ns/a removed[0]'],
    ],
    [
      '[DISC-2] endpoints that stand twice, whole and changed',
      { endpoints: [endpoints], endpointChanges: [change] },
      ['endpoints/ns/a '],
    ],
    ['[DISC-2] a Service that stands twice', { services: [service, service] }, ['service/ns/a ']],
    ['a Service that is there and absent', { services: [service], absent: ['ns/a'] }, ['service/ns/a ']],
    ['an absence that stands twice', { absent: ['ns/a', 'ns/a'] }, ['service/ns/a ']],
  ])('is refused with %s', (_, change, problems) => {
    expect(problemsOf(change)).toEqual(problems)
  })

  it('is refused with all of its problems at once', () => {
    expect(
      problemsOf({ self: { ...self, trustDomain: 'A!' }, services: [{ ...service, key: 'a', traffic: null }] }),
    ).toEqual(['self trustDomain', 'service/a traffic', 'service/a key'])
  })
})

it('a collector is read as its URL says, and one that makes no sense refuses the update', () => {
  const at = (traceCollector: string) => ({ self: { ...self, mesh: { ...self.mesh, traceCollector } } as typeof self })
  const decoded = read(at('grpc://collector:4317'))
  expect(decoded.ok && decoded.value.update.self?.mesh.traceCollector).toMatchObject({ protocol: 'grpc', port: 4317 })
  expect(problemsOf(at('gopher://collector:70'))).toEqual([expect.stringMatching(/^self mesh\.traceCollector/)])
})
