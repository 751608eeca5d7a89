import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, callerIn, callerProcess, echoProcess } from './kit/caller.ts'
import { eventually, yes } from './kit/eventually.ts'
import { type Mesh, startMesh } from './kit/mesh.ts'

/** What an endpoint was slow by once is forgotten by then. */
const FADED_MS = 40_000

const REQUESTS = 20_000
const CONCURRENCY = 24

const canary = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: canary, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: catalog }]
  rules:
    - name: beta
      matches: [{ headers: [{ name: x-user-group, value: beta }] }]
      backendRefs: [{ name: catalog-v2, port: 80 }]
    - name: writes
      matches: [{ path: { type: Exact, value: /books }, method: POST }]
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier: { set: [{ name: x-written, value: "yes" }], remove: [x-secret] }
        - type: ResponseHeaderModifier
          responseHeaderModifier: { set: [{ name: x-canary, value: "on" }] }
      backendRefs: [{ name: catalog-v1, port: 80 }]
    - name: slow
      matches: [{ path: { type: PathPrefix, value: /slow } }]
      backendRefs: [{ name: catalog, port: 80 }]
      timeouts: { request: 100ms }
    - name: split
      backendRefs:
        - { name: catalog-v1, port: 80, weight: 90 }
        - { name: catalog-v2, port: 80, weight: 10 }
`

let mesh: Mesh
let caller: Caller

beforeAll(async () => {
  const service = (name: string, version: string) => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: catalog${version} }, ports: [{ port: 80, targetPort: http, appProtocol: http }] }
`
  mesh = await startMesh(
    [
      echoProcess('v1', 'catalog'),
      echoProcess('v2', 'catalog'),
      callerProcess(),
      service('catalog', ''),
      service('catalog-v1', ', version: v1'),
      service('catalog-v2', ', version: v2'),
    ].join(''),
  )
  caller = await callerIn(mesh)
  // Who never called the service is not concerned by its policies.
  await caller.once({ url: 'http://catalog/books' })
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

describe('a route', () => {
  test('is live on every sidecar concerned when apply --wait returns', async () => {
    const applied = await mesh.cli(['apply', '-f', mesh.write('canary.yaml', canary), '--wait'])
    expect(applied).toMatchObject({ code: 0, stderr: '' })
    expect(applied.stdout).toMatch(/HTTPRoute shop\/canary +created/)
    expect(applied.stdout).toMatch(/live on ([1-9][0-9]*) of \1 sidecars? in/)
    const { head } = await caller.once({ url: 'http://catalog/books', method: 'POST' })
    expect(head['x-canary']).toBe('on')
  })

  test('matches headers, paths and methods, and changes headers both ways', async () => {
    const beta = await caller.once({ url: 'http://catalog/books', headers: { 'X-User-Group': 'beta' } })
    expect(beta.head['x-answered-by']).toBe('v2')
    const written = await caller.once({ url: 'http://catalog/books', method: 'POST', headers: { 'x-secret': '1' } })
    const seen = JSON.parse(written.body) as { name: string; headers: Record<string, string> }
    expect(seen).toMatchObject({ name: 'v1', headers: { 'x-written': 'yes' } })
    expect(seen.headers).not.toHaveProperty('x-secret')
  })

  test('ends what takes longer than its timeout, and names the cause', async () => {
    const late = await caller.once({ url: 'http://catalog/slow?ms=1000' })
    expect(late).toMatchObject({ status: 504, head: { 'x-selvedge-cause': 'request-timeout' } })
    expect((await caller.once({ url: 'http://catalog/slow?ms=1' })).status).toBe(200)
  })

  test(`holds weights of 90 and 10 within one percentage point over ${REQUESTS} requests`, async () => {
    const counts = await caller.burst({ url: 'http://catalog/books', count: REQUESTS, concurrency: CONCURRENCY })
    expect(counts).toMatchObject({ done: REQUESTS, failed: 0, failures: [] })
    const share = ((counts.by.v2 ?? 0) / REQUESTS) * 100
    console.log(`${share.toFixed(2)}% of ${REQUESTS} requests went to the tenth`)
    expect(Math.abs(share - 10)).toBeLessThan(1)
  })

  test('is listed and described', async () => {
    const listed = await mesh.cli(['get', 'httproutes', '-n', 'shop'])
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringMatching(/shop +canary/) })
    const described = await mesh.cli(['describe', 'httproute', 'canary', '-n', 'shop'])
    expect(described.code).toBe(0)
    for (const word of ['canary', 'catalog-v1', 'catalog-v2', 'split']) expect(described.stdout).toContain(word)
    const json = await mesh.cli(['get', 'httproute', 'canary', '-n', 'shop', '-o', 'json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'HTTPRoute', metadata: { name: 'canary' } })
  })

  test('changes what goes where while traffic runs, and no request fails', async () => {
    await caller.load({ url: 'http://catalog/books', perSecond: 200 })
    await mesh.apply(canary.replace('weight: 90', 'weight: 0').replace('weight: 10', 'weight: 1'))
    const all = await caller.stop()
    expect(all).toMatchObject({ failed: 0, failures: [] })
    const after = await caller.burst({ url: 'http://catalog/books', count: 200, concurrency: 4 })
    expect(after.by).toEqual({ v2: 200 })
  })

  test('is not called live while a sidecar concerned does not answer', async () => {
    const { pid } = mesh.sidecar('shop/caller')
    const file = mesh.write('again.yaml', canary.replace('weight: 90', 'weight: 80'))
    process.kill(pid, 'SIGSTOP')
    try {
      const late = await mesh.cli(['apply', '-f', file, '--wait', '500ms'])
      expect(late).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('shop/caller has not acknowledged it yet'),
      })
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    expect(await mesh.cli(['apply', '-f', file, '--wait'])).toMatchObject({ code: 0, stderr: '' })
  })

  test('is gone with delete: both versions answer as before', { timeout: 60_000 }, async () => {
    const deleted = await mesh.cli(['delete', 'httproute', 'canary', '-n', 'shop', '--wait'])
    expect(deleted).toMatchObject({ code: 0, stdout: expect.stringMatching(/HTTPRoute shop\/canary +deleted/) })
    // Without a route the balancer prefers the faster one; one that was slow once gets its share when that has faded, within seconds.
    const answered = { v1: 0, v2: 0 }
    await eventually('both versions answer', FADED_MS, async () => {
      const { by, failed } = await caller.burst({ url: 'http://catalog/books', count: 400, concurrency: 8 })
      expect(failed).toBe(0)
      answered.v1 += by.v1 ?? 0
      answered.v2 += by.v2 ?? 0
      return yes(Math.min(answered.v1, answered.v2) > 5)
    })
    const gone = await mesh.cli(['get', 'httproute', 'canary', '-n', 'shop'])
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('canary') })
  })
})

describe('a circuit breaker', () => {
  test('answers what is beyond its limits at once, and names the cause', async () => {
    await mesh.apply(`
apiVersion: selvedge.dev/v1
kind: TrafficPolicy
metadata: { name: catalog, namespace: shop }
spec: { targetRef: { kind: Service, name: catalog }, circuitBreaker: { maxRequests: 2 } }
`)
    const counts = await caller.burst({ url: 'http://catalog/?ms=200', count: 10, concurrency: 10 })
    expect(counts.failed).toBe(8)
    expect(counts.failures[0]).toBe('503 circuit-open from nobody')
  })
})

describe('a resource that is wrong', () => {
  test('is refused with the path of the fault and the nearest name, and exit status 1', async () => {
    const file = mesh.write('wrong.yaml', canary.replace('backendRefs', 'backendRef'))
    const refused = await mesh.cli(['apply', '-f', file])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/spec\.rules\[0\]\.backendRef\b/)
    expect(refused.stderr).toContain('backendRefs')
  })

  test('takes all other documents of its file with it: nothing is applied', async () => {
    const good = `
apiVersion: v1
kind: Service
metadata: { name: never, namespace: shop }
spec: { selector: { app: never }, ports: [{ port: 80 }] }
`
    const bad = `
apiVersion: selvedge.dev/v1
kind: TrafficPolicy
metadata: { name: never, namespace: shop }
spec: { targetRef: { kind: Service, name: never }, connectTimeout: soon }
`
    const refused = await mesh.cli(['apply', '-f', mesh.write('both.yaml', `${good}---${bad}`)])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('spec.connectTimeout')
    expect((await mesh.cli(['get', 'service', 'never', '-n', 'shop'])).code).toBe(1)
  })

  test('is refused through the API too, where its file was not read by the command line', async () => {
    const { server, token } = mesh.context()
    const answer = await fetch(`${server}/apis/selvedge.dev/v1/apply`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/yaml' },
      body: canary.replace('weight: 90', 'weigth: 90'),
    })
    expect(answer.status).toBe(422)
    const status = JSON.stringify(await answer.json())
    expect(status).toContain('weigth')
    expect(status).toContain('weight')
  })
})

describe('wrong usage', () => {
  test.each([
    { args: ['aply'], says: /apply/ },
    { args: ['apply'], says: /-f/ },
    { args: ['get', 'httprute'], says: /httproute/i },
    { args: ['up', '--for', 'soon'], says: /soon/ },
    { args: ['sidecar'], says: /--workload/ },
    { args: ['trace'], says: /--slow/ },
  ])('of $args ends with exit status 2 and says what to do', async ({ args, says }) => {
    const wrong = await mesh.cli(args)
    expect(wrong).toMatchObject({ code: 2, stdout: '' })
    expect(wrong.stderr).toMatch(says)
  })
})
