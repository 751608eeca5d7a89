import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Application, type Echo, echoApplication, quickApplication } from '../fakes/application.ts'
import { ask } from './client.ts'
import { sendMany } from './load.ts'
import { type Mesh, type SidecarUnderTest, startMesh } from './mesh.ts'
import { backend, type Resource, route, service } from './resources.ts'

let mesh: Mesh
let v1: Application
let web: SidecarUnderTest

/** Each Service of its own has a route of its own, so that no test changes what another sees. */
function routed(name: string, ...rules: readonly Resource[]): readonly Resource[] {
  return [service(name, { app: 'catalog', version: 'v1' }), route(name, ...rules)]
}

beforeAll(async () => {
  mesh = startMesh()
  v1 = await mesh.with(echoApplication('v1'))
  const v2 = await mesh.with(echoApplication('v2'))
  const first = await mesh.sidecar('v1', { port: v1.port, labels: { app: 'catalog', version: 'v1' } })
  const second = await mesh.sidecar('v2', { port: v2.port, labels: { app: 'catalog', version: 'v2' } })
  const quick = async (name: string) => {
    const application = await mesh.with(quickApplication(name))
    return (await mesh.sidecar(name, { port: application.port, labels: { app: name } })).workload
  }
  web = await mesh.sidecar('web', {
    resources: [
      ...[first.workload, second.workload, await quick('nine'), await quick('one')],
      service('v1', { version: 'v1' }),
      service('v2', { version: 'v2' }),
      service('nine', { app: 'nine' }),
      service('one', { app: 'one' }),
      service('split', { app: 'nine' }),
      route('split', { backendRefs: [backend('nine', 90), backend('one', 10)] }),
      service('bare', { version: 'v1' }),
      ...routed(
        'matched',
        { matches: [{ path: { type: 'Exact', value: '/exact' } }], backendRefs: [backend('v2')] },
        { matches: [{ path: { type: 'PathPrefix', value: '/prefix' } }], backendRefs: [backend('v2')] },
        { matches: [{ path: { type: 'RegularExpression', value: '/r[0-9]+' } }], backendRefs: [backend('v2')] },
        { matches: [{ headers: [{ name: 'X-Group', value: 'beta' }] }], backendRefs: [backend('v2')] },
        { matches: [{ queryParams: [{ name: 'version', value: 'two' }] }], backendRefs: [backend('v2')] },
        { matches: [{ method: 'DELETE' }], backendRefs: [backend('v2')] },
        { matches: [{ path: { type: 'PathPrefix', value: '/books' } }], backendRefs: [backend('v1')] },
      ),
      ...routed('changed', {
        filters: [
          {
            type: 'RequestHeaderModifier',
            requestHeaderModifier: {
              set: [{ name: 'X-Set', value: 'new' }],
              add: [{ name: 'X-Add', value: 'more' }],
              remove: ['X-Remove'],
            },
          },
          {
            type: 'ResponseHeaderModifier',
            responseHeaderModifier: {
              set: [{ name: 'content-type', value: 'text/x' }],
              add: [{ name: 'x-a', value: 'b' }],
            },
          },
          {
            type: 'URLRewrite',
            urlRewrite: { hostname: 'new.example', path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } },
          },
        ],
        matches: [{ path: { type: 'PathPrefix', value: '/old' } }],
        backendRefs: [backend('v1')],
      }),
      ...routed(
        'moved',
        {
          matches: [{ path: { type: 'PathPrefix', value: '/a' } }],
          filters: [
            {
              type: 'RequestRedirect',
              requestRedirect: {
                ...{ scheme: 'https', hostname: 'new.example', statusCode: 301 },
                path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/b' },
              },
            },
          ],
        },
        { filters: [{ type: 'RequestRedirect', requestRedirect: { statusCode: 303 } }] },
      ),
      ...routed('invalid', { backendRefs: [backend('v1', 3), backend('nowhere', 1)] }),
      ...routed('all-invalid', { backendRefs: [backend('nowhere')] }),
      ...routed('nothing', { backendRefs: [backend('v1', 0)] }),
    ],
  })
})
afterAll(() => mesh.close())

async function answeredBy(url: string, question: Parameters<typeof ask>[2] = {}): Promise<string> {
  const answer = await ask(web.outbound, url, question)
  return answer.status === 200 ? (JSON.parse(answer.body) as Echo).name : `${answer.status}`
}

describe('a rule is found', () => {
  test.each([
    ['/exact', 'v2'],
    ['/exact/', '404'],
    ['/Exact', '404'],
    ['/prefix', 'v2'],
    ['/prefix/', 'v2'],
    ['/prefix/x?y', 'v2'],
    ['/prefixed', '404'],
    ['/r12', 'v2'],
    ['/r', '404'],
    ['/?version=two', 'v2'],
    ['/?version=three', '404'],
    ['/books/1', 'v1'],
  ])('by path and query: %s leads to %s', async (path, name) => {
    expect(await answeredBy(`http://matched${path}`)).toBe(name)
  })

  test('[GW-5] by header, without regard to the case of its name', async () => {
    expect(await answeredBy('http://matched/', { headers: { 'x-group': 'beta' } })).toBe('v2')
    expect(await answeredBy('http://matched/', { headers: { 'X-GROUP': 'Beta' } })).toBe('404')
  })

  test('by method', async () => {
    expect(await answeredBy('http://matched/', { method: 'DELETE' })).toBe('v2')
  })

  test('[GW-7] [GW-15] and where none is, the answer is 404 with its cause, and nothing is sent', async () => {
    const before = v1.seen
    const answer = await ask(web.outbound, 'http://matched/nowhere')
    expect(answer).toMatchObject({ status: 404, headers: { 'x-selvedge-cause': 'route-not-found' } })
    expect(v1.seen).toBe(before)
  })

  test('[GW-15] and where no route is attached, requests pass', async () => {
    expect(await answeredBy('http://bare/anything')).toBe('v1')
  })

  test('inside a CONNECT as well, and by origin form', async () => {
    expect(await answeredBy('/exact', { headers: { host: 'matched.shop.svc' } })).toBe('v2')
  })
})

test('[GW-6] weights 90/10 hold within one percentage point over 20,000 requests', async () => {
  const { statuses, bodies } = await sendMany(web.outbound, 'GET / HTTP/1.1\r\nHost: split\r\n\r\n', 20_000, 32)
  expect([...statuses]).toEqual([[200, 20_000]])
  const share = (bodies.get('one') ?? 0) / 20_000
  expect(share).toBeGreaterThan(0.09)
  expect(share).toBeLessThan(0.11)
  expect(bodies.get('nine')).toBe(20_000 - (bodies.get('one') ?? 0))
})

describe('a rule changes', () => {
  test('headers of request and answer, path and host', async () => {
    const answer = await ask(web.outbound, 'http://changed/old/path?q=1', {
      headers: { 'x-set': 'old', 'x-add': 'one', 'x-remove': 'gone', 'x-else': 'kept' },
    })
    const { url, headers } = JSON.parse(answer.body) as Echo
    expect(url).toBe('/new/path?q=1')
    expect(headers).toMatchObject({ host: 'new.example', 'x-set': 'new', 'x-add': 'one, more', 'x-else': 'kept' })
    expect(headers['x-remove']).toBeUndefined()
    expect(answer.headers).toMatchObject({ 'content-type': 'text/x', 'x-a': 'b' })
  })

  test('the answer into a redirect', async () => {
    const before = v1.seen
    const moved = await ask(web.outbound, 'http://moved/a/x?y=1')
    expect(moved).toMatchObject({ status: 301, headers: { location: 'https://new.example/b/x?y=1' } })
    const other = await ask(web.outbound, 'http://moved:80/else')
    expect(other).toMatchObject({ status: 303, headers: { location: 'http://moved/else' } })
    expect(v1.seen).toBe(before)
  })
})

describe('[GW-7] a backend that does not exist', () => {
  test('costs its share of the requests a 500, and no other', async () => {
    const { statuses } = await sendMany(web.outbound, 'GET / HTTP/1.1\r\nHost: invalid\r\n\r\n', 1_000, 8)
    expect((statuses.get(200) ?? 0) + (statuses.get(500) ?? 0)).toBe(1_000)
    expect(statuses.get(500)).toBeGreaterThan(180)
    expect(statuses.get(500)).toBeLessThan(320)
  })

  test('answers 500 with its cause where it is the only one, or where none has a weight', async () => {
    for (const host of ['all-invalid', 'nothing']) {
      const answer = await ask(web.outbound, `http://${host}/`)
      expect(answer).toMatchObject({ status: 500, headers: { 'x-selvedge-cause': 'unknown-destination' } })
    }
  })
})

test('every request above went by mTLS, and nothing broke', async () => {
  const metrics = await web.page('/metrics')
  expect(metrics).not.toMatch(/selvedge_requests_total\{.*tls="none",code="200"/)
  expect(metrics).toContain('selvedge_broken_exchanges_total 0')
})
