import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Application, type Echo, echoApplication } from '../fakes/application.ts'
import { ask, wire } from './client.ts'
import { sendMany } from './load.ts'
import { type Mesh, portOf, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { backend, meshPolicy, type Resource, route, service, trafficPolicy } from './resources.ts'

// What a sidecar shows of itself: metrics, admin pages, access log, traces.

let mesh: Mesh
let catalog: Application
let callee: SidecarUnderTest
let web: SidecarUnderTest
let resources: readonly Resource[]

beforeAll(async () => {
  mesh = startMesh()
  catalog = await mesh.with(echoApplication('catalog'))
  const selector = { app: 'catalog' }
  callee = await mesh.sidecar('catalog-1', {
    ...{ port: catalog.port, labels: selector },
    resources: [service('catalog', selector)],
    config: { accessLog: true },
  })
  resources = [
    callee.workload,
    service('catalog', selector),
    service('routed', selector),
    route('routed', {
      matches: [{ path: { type: 'PathPrefix', value: '/known' } }],
      backendRefs: [backend('catalog')],
    }),
    trafficPolicy('catalog', { circuitBreaker: { maxRequests: 100 } }),
    meshPolicy({ accessLog: true, tracing: { sampling: 0 } }),
  ]
  web = await mesh.sidecar('web', { resources })
})
afterAll(() => mesh.close())

type Series = ReadonlyMap<string, number>

/** Every series of one metric, by its labels as they are written. */
async function series(sidecar: SidecarUnderTest, name: string): Promise<Series> {
  const found = new Map<string, number>()
  for (const line of (await sidecar.page('/metrics')).split('\n')) {
    const match = /^([a-z_]+)(?:\{(.*)\})? ([0-9.e+-]+)$/.exec(line)
    if (match?.[1] === name) found.set(match[2] ?? '', Number(match[3]))
  }
  return found
}

function sum(all: Series, ...labels: readonly string[]): number {
  let total = 0
  for (const [text, value] of all) if (labels.every(label => text.includes(label))) total += value
  return total
}

describe('metrics', () => {
  test('count exchanges, bytes and time at both ends alike', async () => {
    const requests = 'selvedge_requests_total'
    const outbound = ['direction="outbound"', 'source="shop/web"', 'destination="shop/catalog"']
    const inbound = ['direction="inbound"', 'source="shop/web"', 'destination="shop/catalog"', 'tls="mtls"']
    const before = [sum(await series(web, requests), ...outbound), sum(await series(callee, requests), ...inbound)]
    await sendMany(web.outbound, 'GET / HTTP/1.1\r\nHost: catalog\r\n\r\n', 500, 4)
    await ask(web.outbound, 'http://catalog/', { method: 'POST', body: '12345' })
    // A page that was dear to make, as the first one is on a slow machine, is shown again for a while.
    await until(async () => {
      const after = [sum(await series(web, requests), ...outbound), sum(await series(callee, requests), ...inbound)]
      return after.every((count, at) => count - before[at]! === 501)
    })
    for (const [sidecar, labels] of [[web, outbound] as const, [callee, inbound] as const]) {
      const total = sum(await series(sidecar, requests), ...labels)
      expect(sum(await series(sidecar, 'selvedge_request_duration_seconds_count'), ...labels)).toBe(total)
      expect(sum(await series(sidecar, 'selvedge_request_duration_seconds_bucket'), ...labels, 'le="+Inf"')).toBe(total)
      expect(sum(await series(sidecar, 'selvedge_bytes_total'), ...labels.slice(0, 3), 'kind="request"')).toBe(5)
    }
  })

  test('name the route, the status and the cause, and never the path or the host of a request', async () => {
    await ask(web.outbound, 'http://routed/known?secret=1')
    await ask(web.outbound, 'http://routed/unknown-path')
    await ask(web.outbound, 'http://no-such-host.invalid:1/')
    const text = await web.page('/metrics')
    expect(text).toMatch(
      /selvedge_requests_total\{.*destination="shop\/catalog",route="shop\/routed-route".*code="200"/,
    )
    expect(text).toMatch(/destination="shop\/routed".*code="404",cause="route-not-found"/)
    expect(text).toMatch(/destination="external".*code="503",cause="connect-failed"/)
    expect(text).not.toMatch(/unknown-path|secret|no-such-host/)
  })

  test('count what was refused before there was an exchange', async () => {
    const caller = wire(web.outbound)
    caller.send('GET / HTTP/1.1\r\n\r\n')
    await caller.match(/^HTTP\/1\.1 400 /)
    expect(sum(await series(web, 'selvedge_refusals_total'), 'cause="bad-request"')).toBe(1)
  })

  test('count connections that are open, up and down again', async () => {
    const callers = [wire(web.outbound), wire(web.outbound)]
    const open = async () => sum(await series(web, 'selvedge_connections_active'), 'direction="outbound"')
    await until(async () => (await open()) === 2)
    for (const caller of callers) caller.socket.destroy()
    await until(async () => (await open()) === 0)
  })

  test('are served to Prometheus on the port of metrics and health, which shows nothing else', async () => {
    const metrics = await ask(web.metrics, '/metrics')
    expect(metrics.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
    expect((await ask(web.metrics, '/healthz')).status).toBe(200)
    expect((await ask(web.metrics, '/readyz')).status).toBe(200)
    for (const path of ['/config', '/endpoints', '/identity', '/status', '/', '/x']) {
      expect((await ask(web.metrics, path)).status, path).toBe(404)
    }
    expect((await ask(web.metrics, '/metrics', { method: 'HEAD' })).body).toBe('')
  })
})

describe('admin pages', () => {
  test('listen on loopback alone, wherever the other ports listen', async () => {
    const open = await mesh.sidecar('open', { config: { host: '0.0.0.0', metricsHost: '0.0.0.0' } })
    expect(open.sidecar.addresses.admin).toMatch(/^127\.0\.0\.1:/)
    expect(open.sidecar.addresses.outbound).toMatch(/^0\.0\.0\.0:/)
    // Round in circles by any of this machine's addresses: refused.
    for (const host of ['127.0.0.1', '127.0.0.2', 'localhost']) {
      for (const address of [open.sidecar.addresses.outbound, open.sidecar.addresses.metrics]) {
        const answer = await ask(open.outbound, `http://${host}:${portOf(address)}/metrics`)
        expect(answer, host).toMatchObject({ status: 400, headers: { 'x-selvedge-cause': 'bad-request' } })
      }
    }
  })

  test('/endpoints shows what is learnt of each endpoint', async () => {
    const shown = (await web.endpoints()).find(({ destination }) => destination === 'shop/catalog')
    expect(shown).toMatchObject({
      endpoints: [{ address: `127.0.0.1:${callee.inbound}`, ejected: false, pending: 0, mtls: true }],
      breaker: { requests: 0, pending: 0 },
      limits: { requestsMax: 100, connectionsMax: 1024, pendingMax: 1024 },
      open: false,
      budgetRatio: 0,
    })
    expect(shown?.endpoints[0]?.connections).toBeGreaterThan(0)
  })

  test('/config, /identity and /status show policy, certificate and source', async () => {
    const config = JSON.parse(await web.page('/config')) as { self: object; services: { key: string }[] }
    expect(config.self).toMatchObject({ workload: 'shop/web', mesh: { accessLog: true } })
    expect(config.services.map(({ key }) => key).sort()).toEqual(['shop/catalog', 'shop/routed'])
    const identity = await web.page('/identity')
    expect(JSON.parse(identity)).toMatchObject({ spiffeId: 'spiffe://mesh.test/ns/shop/sa/web' })
    expect(identity).not.toContain('PRIVATE KEY')
    expect(JSON.parse(await web.page('/status'))).toEqual({ kind: 'file', path: web.path })
    for (const path of ['/', '/metrics', '/healthz', '/readyz']) expect(await web.page(path)).not.toBe('')
  })
})

describe('the access log', () => {
  /** Lines of the exchange whose path it is, once they are written. */
  async function lines(sidecar: SidecarUnderTest, path: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const find = () => sidecar.log().filter(line => line.msg === 'exchange' && line.path === path)
    await until(() => find().length > 0)
    return find()
  }

  test('has one line for each exchange at each end, without the query', async () => {
    await ask(web.outbound, 'http://catalog/logged?token=hidden', { method: 'POST', body: 'four' })
    const [outbound, ...more] = await lines(web, '/logged')
    expect(more).toEqual([])
    expect(outbound).toMatchObject({
      ...{ direction: 'outbound', source: 'shop/web', destination: 'shop/catalog', method: 'POST' },
      ...{ authority: 'catalog', status: 200, endpoint: `127.0.0.1:${callee.inbound}`, attempts: 1, mtls: true },
      ...{ requestBytes: 4, program: 'sidecar', workload: 'shop/web' },
    })
    const [inbound] = await lines(callee, '/logged')
    expect(inbound).toMatchObject({
      direction: 'inbound',
      source: 'shop/web',
      destination: 'shop/catalog',
      mtls: true,
      status: 200,
    })
    expect(inbound?.trace).toBe(outbound?.trace)
    expect(String(inbound?.trace)).toMatch(/^[0-9a-f]{32}$/)
    expect(JSON.stringify([...web.log(), ...callee.log()])).not.toContain('hidden')
  })

  test('names cause, detail and route', async () => {
    await ask(web.outbound, 'http://routed/not-found')
    const [line] = await lines(web, '/not-found')
    expect(line).toMatchObject({ status: 404, cause: 'route-not-found', destination: 'shop/routed', attempts: 0 })
    expect(line?.detail).toContain('shop/routed')
    await ask(web.outbound, 'http://routed/known/one')
    expect((await lines(web, '/known/one'))[0]).toMatchObject({ route: 'shop/routed-route', status: 200 })
  })

  test('says 499 for a caller that went away', async () => {
    const silent = await mesh.with(echoApplication('silent'))
    const caller = wire(web.outbound)
    caller.send(`POST /went-away HTTP/1.1\r\nHost: 127.0.0.1:${silent.port}\r\nContent-Length: 10\r\n\r\nhalf`)
    await until(() => silent.seen === 1)
    caller.socket.destroy()
    expect((await lines(web, '/went-away'))[0]).toMatchObject({ status: 499, detail: 'the caller went away' })
  })
})

describe('traceparent', () => {
  const TRACE = '0af7651916cd43dd8448eb211c80319c'
  const SPAN = 'b7ad6b7169203331'

  async function seenBy(traceparent: string | undefined): Promise<string> {
    const headers = traceparent === undefined ? {} : { traceparent }
    const { body } = await ask(web.outbound, 'http://catalog/', { headers })
    return (JSON.parse(body) as Echo).headers.traceparent ?? ''
  }

  test('is made where there is none, and where it is malformed', async () => {
    const made = await seenBy(undefined)
    expect(made).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    expect(await seenBy(undefined)).not.toBe(made)
    for (const bad of ['x', `00-${TRACE}-${SPAN}`, `00-${'0'.repeat(32)}-${SPAN}-01`, `ff-${TRACE}-${SPAN}-01`]) {
      expect(await seenBy(bad), bad).not.toContain(TRACE)
    }
  })

  test('is handed on: a sampled one with a span of ours, an unsampled one as it is', async () => {
    const sampled = await seenBy(`00-${TRACE}-${SPAN}-01`)
    expect(sampled).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
    expect(sampled).not.toContain(SPAN)
    expect(await seenBy(`00-${TRACE}-${SPAN}-00`)).toBe(`00-${TRACE}-${SPAN}-00`)
  })

  test('is sampled as MeshPolicy says', async () => {
    await web.edit(...resources.slice(0, -1), meshPolicy({ tracing: { sampling: 100 } }))
    for (let n = 0; n < 5; n++) expect(await seenBy(undefined)).toMatch(/-01$/)
    await web.edit(...resources)
  })
})
