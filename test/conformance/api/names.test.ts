import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MESH, Plane, ROUTES, route, SERVICES, service } from './plane.ts'

describe('[API-9] what is named wrong', () => {
  const plane = new Plane()
  beforeAll(async () => {
    await plane.start()
    await plane.apply(service('reviews'))
  })
  afterAll(() => plane.close())
  const base = service('a') as { readonly spec: object; readonly metadata: object }

  it.each([
    [
      'an unknown field',
      { ...base, spec: { ...base.spec, prots: [] } },
      'spec.prots',
      'is unknown: did you mean ports?',
    ],
    [
      'an unknown field within a list',
      { ...base, spec: { ports: [{ port: 80, prot: 1 }] } },
      'spec.ports[0].prot',
      'did you mean port?',
    ],
    ['an unknown field beside the spec', { ...base, spce: {} }, 'spce', 'did you mean spec?'],
    [
      'an unknown field of the metadata',
      { ...base, metadata: { ...base.metadata, lables: {} } },
      'metadata.lables',
      'did you mean labels?',
    ],
    ['an unknown kind', { ...base, kind: 'Servce' }, 'kind', 'did you mean Service?'],
    [
      'an unknown version',
      { ...base, apiVersion: 'v2' },
      'apiVersion',
      'is "v2", which is unknown for Service: did you mean v1?',
    ],
    [
      'an unknown group',
      { ...route('a'), apiVersion: 'gateway.k8s.io/v1' },
      'apiVersion',
      'did you mean gateway.networking.k8s.io/v1?',
    ],
    [
      'a value that the standard knows, and we do not',
      { ...base, spec: { ...base.spec, sessionAffinity: 'ClientIP' } },
      'spec.sessionAffinity',
      'Selvedge does nothing else yet',
    ],
  ])('%s is an error with its path', async (_, resource, field, message) => {
    for (const [method, path, body] of [
      ['POST', `${MESH}/apply`, { resources: [resource] }],
      ['POST', 'kind' in resource && resource.kind === 'HTTPRoute' ? ROUTES : SERVICES, resource],
    ] as const) {
      const { code, json } = await plane.call(method, path, body)
      expect(code).toBe(422)
      expect(json.details).toMatchObject({ causes: [{ field, message: expect.stringContaining(message) }] })
      expect(json.message).toContain(field)
    }
  })

  it.each([
    [
      'a backend that is not there',
      route('reviws'),
      'spec.rules[0].backendRefs[0] names no Service: bookshop/reviws is not there: did you mean reviews?',
    ],
    [
      'a rule that another takes all requests from',
      route('reviews', [{ path: { value: '/a' } }, { path: { value: '/a/' } }]),
      'spec.rules[0].matches[1] can never match: spec.rules[0].matches[0] takes the same requests',
    ],
    [
      'a policy for nothing',
      {
        apiVersion: 'selvedge.dev/v1',
        kind: 'TrafficPolicy',
        metadata: { name: 't', namespace: 'bookshop' },
        spec: { targetRef: { kind: 'Service', name: 'ghost' } },
      },
      'spec.targetRef names no Service: bookshop/ghost is not there',
    ],
  ])('%s is a warning with its path, and is written all the same', async (_, resource, warning) => {
    const { code, json } = await plane.call('POST', `${MESH}/apply`, { resources: [resource] })
    expect(code).toBe(200)
    expect(json.warnings).toEqual([expect.stringContaining(warning)])
  })

  it('warns in the Warning header where one resource is written (KEP-1693)', async () => {
    await plane.call('DELETE', `${ROUTES}/canary`)
    const { code, headers } = await plane.call('POST', ROUTES, route('ghost'))
    expect(code).toBe(201)
    expect(headers.get('warning')).toMatch(
      /^299 - "HTTPRoute bookshop\/canary: spec\.rules\[0\]\.backendRefs\[0\] names no Service/,
    )
  })

  it('an unknown parameter or path is an error', async () => {
    expect(await plane.call('GET', `${SERVICES}?labelSelecter=a`)).toMatchObject({
      code: 400,
      json: { message: expect.stringContaining('labelSelecter: it is unknown here; known are labelSelector') },
    })
    expect((await plane.call('GET', '/api/v1/namespaces/bookshop/secrets')).code).toBe(404)
    expect((await plane.call('GET', '/api/v2/services')).code).toBe(404)
  })
})
