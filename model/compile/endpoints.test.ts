import { describe, expect, test } from 'vitest'
import { compileEndpoints } from './mod.ts'
import { aService, aWorkload, service, TRUST_DOMAIN, worldFrom } from './world.fixture.ts'

const SELECTOR = 'selector: {app: a}'

function endpointsOf(...documents: readonly string[]) {
  return compileEndpoints(worldFrom(...documents), service('shop/a'), TRUST_DOMAIN)?.endpoints
}

function appPortOf(servicePort: string, workloadSpec: string): number | undefined {
  const endpoints = endpointsOf(
    aService('shop/a', `${SELECTOR}, ports: [${servicePort}]`),
    aWorkload('shop/a-1', 'app: a', workloadSpec),
  )
  return endpoints?.[0]?.ports[0]?.appPort
}

describe('which workloads are endpoints', () => {
  test('those of the same namespace that carry every label of the selector, sorted', () => {
    const endpoints = endpointsOf(
      aWorkload('shop/a-2', 'app: a, version: v2'),
      aWorkload('shop/a-10', 'app: a, version: v2'),
      aWorkload('shop/a-3', 'app: a, version: v1'),
      aWorkload('shop/b', 'app: b, version: v2'),
      aWorkload('other/a-4', 'app: a, version: v2'),
      aService('shop/a', 'ports: [{port: 80}], selector: {app: a, version: v2}'),
    )
    expect(endpoints?.map(({ workload }) => workload)).toEqual(['shop/a-10', 'shop/a-2'])
  })

  test.each(['', ', selector: {}'])('none without a selector (%j)', selector => {
    expect(endpointsOf(aService('shop/a', `ports: [{port: 80}]${selector}`), aWorkload('shop/a-1', 'app: a'))).toEqual(
      [],
    )
  })

  test('not those whose application does not answer yet', () => {
    const ready = aWorkload('shop/a-1', 'app: a')
    const waiting = aWorkload('shop/a-2', 'app: a', 'ports: [{port: 8080}]}, status: {ready: false')
    const endpoints = endpointsOf(aService('shop/a', `ports: [{port: 80}], ${SELECTOR}`), ready, waiting)
    expect(endpoints?.map(({ workload }) => workload)).toEqual(['shop/a-1'])
  })

  test('there is no answer for a Service that does not exist', () => {
    expect(endpointsOf(aWorkload('shop/a-1', 'app: a'))).toBeUndefined()
  })
})

describe('which port of the application is meant', () => {
  const two = 'ports: [{port: 8080, name: http}, {port: 9090, name: admin}], inboundPort: 15006'
  test.each([
    ['a number that the workload declares', '{port: 80, targetPort: 9090}', two, 9090],
    ['a number that it does not declare', '{port: 80, targetPort: 7070}', two, undefined],
    ['a number, outside the mesh, where nothing is declared', '{port: 80, targetPort: 7070}', 'zone: a', 7070],
    [
      'a number, in the mesh, where nothing is declared',
      '{port: 80, targetPort: 7070}',
      'inboundPort: 15006',
      undefined,
    ],
    ['a name', '{port: 80, targetPort: admin}', two, 9090],
    ['a name that it does not declare', '{port: 80, targetPort: grpc}', two, undefined],
    ['nothing, and the same number is declared', '{port: 9090}', two, 9090],
    ['nothing, and there is one port', '{port: 80}', 'ports: [{port: 8080}]', 8080],
    ['nothing, and there are two others', '{port: 80}', two, undefined],
  ])('targetPort: %s', (_, servicePort, workloadSpec, appPort) => {
    expect(appPortOf(servicePort, workloadSpec)).toBe(appPort)
  })

  test('an endpoint offers those ports of the Service that fit', () => {
    const ports =
      'ports: [{name: b, port: 81, targetPort: admin}, {name: a, port: 80, targetPort: http}, {name: c, port: 82, targetPort: x}]'
    const endpoints = endpointsOf(aService('shop/a', `${SELECTOR}, ${ports}`), aWorkload('shop/a-1', 'app: a', two))
    expect(endpoints?.[0]?.ports).toEqual([
      { servicePort: 80, appPort: 8080 },
      { servicePort: 81, appPort: 9090 },
    ])
  })
})

describe('how an endpoint is reached', () => {
  test('by mTLS under its own identity, where it has a sidecar', () => {
    const spec = 'ports: [{port: 8080}], inboundPort: 15006, serviceAccount: clerk, zone: eu-1'
    expect(
      endpointsOf(aService('shop/a', `${SELECTOR}, ports: [{port: 80}]`), aWorkload('shop/a-1', 'app: a', spec)),
    ).toEqual([
      {
        workload: 'shop/a-1',
        address: '10.0.0.1',
        zone: 'eu-1',
        ports: [{ servicePort: 80, appPort: 8080 }],
        tls: { kind: 'mesh', spiffeId: 'spiffe://mesh.test/ns/shop/sa/clerk', inboundPort: 15006 },
      },
    ])
  })

  test('in plaintext, where it has none', () => {
    const endpoints = endpointsOf(
      aService('shop/a', `${SELECTOR}, ports: [{port: 80}]`),
      aWorkload('shop/a-1', 'app: a', 'ports: [{port: 8080}]'),
    )
    expect(endpoints?.[0]?.tls).toEqual({ kind: 'none', why: 'not-in-mesh' })
  })
})
