import { expect, test } from 'vitest'
import { compileSelf } from './mod.ts'
import { aPolicy, aService, aWorkload, TRUST_DOMAIN, workload, worldFrom } from './world.fixture.ts'

function selfOf(...documents: readonly string[]) {
  return compileSelf(worldFrom(...documents), workload('shop/a-1'), TRUST_DOMAIN)
}

test('a workload that does not exist has no self', () => {
  expect(selfOf(aWorkload('shop/b', 'app: a'))).toBeUndefined()
})

test('self names the workload, its ports and the Services that select it, sorted', () => {
  const self = selfOf(
    aWorkload(
      'shop/a-1',
      'app: a, version: v1',
      'ports: [{port: 9090, protocol: grpc}, {port: 8080, name: http, protocol: http}], serviceAccount: clerk',
    ),
    aService('shop/z', 'ports: [{port: 80}], selector: {app: a}'),
    aService('shop/a', 'ports: [{port: 80}], selector: {version: v1, app: a}'),
    aService('shop/v2', 'ports: [{port: 80}], selector: {app: a, version: v2}'),
    aService('shop/none', 'ports: [{port: 80}]'),
    aService('other/a', 'ports: [{port: 80}], selector: {app: a}'),
  )
  expect(self).toEqual({
    workload: 'shop/a-1',
    namespace: 'shop',
    serviceAccount: 'clerk',
    trustDomain: 'mesh.test',
    services: ['shop/a', 'shop/z'],
    ports: [
      { port: 8080, name: 'http', protocol: 'http', upgrades: undefined },
      { port: 9090, name: '', protocol: 'grpc', upgrades: undefined },
    ],
    mesh: {
      mtls: 'strict',
      unknownDestinations: 'allow',
      accessLog: false,
      traceSampling: 0.01,
      traceCollector: undefined,
      requestTimeoutMs: undefined,
      retryAttempts: 1,
      tunnelsAtRenewal: 'keep',
    },
  })
  expect(Object.isFrozen(self?.mesh)).toBe(true)
})

test("a namespace's MeshPolicy overrides the mesh's field by field", () => {
  const self = selfOf(
    aWorkload('shop/a-1', 'app: a'),
    aPolicy(
      'MeshPolicy',
      'selvedge-system/default',
      'mtls: permissive, tunnelsAtRenewal: end, accessLog: true, tracing: {sampling: 100}, defaults: {requestTimeout: 5s, retryAttempts: 3}',
    ),
    aPolicy(
      'MeshPolicy',
      'shop/default',
      'accessLog: false, unknownDestinations: refuse, defaults: {requestTimeout: 0s}',
    ),
    aPolicy('MeshPolicy', 'other/default', 'mtls: strict'),
  )
  expect(self?.mesh).toEqual({
    mtls: 'permissive',
    unknownDestinations: 'refuse',
    accessLog: false,
    traceSampling: 1,
    traceCollector: undefined,
    requestTimeoutMs: undefined,
    retryAttempts: 3,
    tunnelsAtRenewal: 'end',
  })
})

test('where spans are exported to is a field of its own, which a namespace can also say is nowhere', () => {
  const of = (endpoint: string) => `tracing: {otlp: {endpoint: '${endpoint}'}}`
  const collector = (own: string) =>
    selfOf(
      aWorkload('shop/a-1', 'app: a'),
      aPolicy('MeshPolicy', 'selvedge-system/default', of('grpc://collector.observability:4317')),
      aPolicy('MeshPolicy', 'shop/default', own),
    )?.mesh.traceCollector?.text
  expect(collector('tracing: {sampling: 5}')).toBe('grpc://collector.observability:4317')
  expect(collector(of('http://127.0.0.1:4318'))).toBe('http://127.0.0.1:4318')
  expect(collector(of('none'))).toBeUndefined()
})

test('a port that says nothing itself speaks what its Services declare, as long as they agree', () => {
  const service = (name: string, appProtocol: string) =>
    aService(name, `selector: {app: a}, ports: [{name: http, port: 80, targetPort: 8080, appProtocol: ${appProtocol}}]`)
  const protocolOf = (own: string, ...services: readonly string[]) =>
    selfOf(aWorkload('shop/a-1', 'app: a', `ports: [{port: 8080${own}}]`), ...services)?.ports[0]?.protocol
  expect(protocolOf('')).toBe('detect')
  expect(protocolOf('', service('shop/a', 'kubernetes.io/h2c'))).toBe('http2')
  expect(protocolOf('', service('shop/a', 'grpc'), service('shop/b', 'grpc'))).toBe('grpc')
  expect(protocolOf('', service('shop/a', 'grpc'), service('shop/b', 'http'))).toBe('detect')
  expect(protocolOf(', protocol: http', service('shop/a', 'grpc'))).toBe('http')
})
