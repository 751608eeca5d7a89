import { writeFileSync } from 'node:fs'
import { connect as connectPlain, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSidecar } from '../../sidecar/app.ts'
import { type Application, echoApplication, httpApplication, quickApplication } from '../fakes/application.ts'
import { ask, begin } from './client.ts'
import { sendMany, type Tally } from './load.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { backend, type Resource, route, service, textOf, trafficPolicy } from './resources.ts'

// One sidecar, whose traffic two threads carry: for who asks it, and for who sends, it is one.

const WORKERS = 2
const GET = 'GET /x HTTP/1.1\r\nHost: catalog\r\n\r\n'

let mesh: Mesh
let application: Application
let callee: SidecarUnderTest
let web: SidecarUnderTest
let resources: Resource[]

beforeAll(async () => {
  mesh = startMesh()
  application = await mesh.with(quickApplication('ok'))
  const config = { workers: WORKERS, accessLog: true }
  callee = await mesh.sidecar('catalog', { port: application.port, labels: { app: 'catalog' }, config })
  resources = [callee.workload, service('catalog', { app: 'catalog' })]
  web = await mesh.sidecar('web', { resources, config })
})
afterAll(() => mesh.close())

/** The sum over all series of that name. */
async function metric(sidecar: SidecarUnderTest, name: string, labels = ''): Promise<number> {
  const { body } = await ask(sidecar.metrics, '/metrics')
  const lines = body.split('\n').filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  return lines
    .filter(line => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** A page of metrics that was dear to make is shown again for a while: so what is counted is seen at once, or a moment later. */
async function becomes(value: number, sidecar: SidecarUnderTest, name: string, labels = ''): Promise<void> {
  await expect.poll(() => metric(sidecar, name, labels), { timeout: 15_000, interval: 50 }).toBe(value)
}

/** Exchanges in the access log, by the worker that carried them. */
function carriedBy(sidecar: SidecarUnderTest): Map<unknown, number> {
  const byWorker = new Map<unknown, number>()
  for (const line of sidecar.log()) {
    if (line.msg === 'exchange') byWorker.set(line.worker, (byWorker.get(line.worker) ?? 0) + 1)
  }
  return byWorker
}

/** Connections that stay open, made one after the other. */
async function openMany(port: number, count: number): Promise<{ readonly open: Socket[]; close(): void }> {
  const open: Socket[] = []
  for (let i = 0; i < count; i++) {
    const socket = connectPlain({ host: '127.0.0.1', port })
    socket.on('error', () => undefined)
    socket.once('close', () => open.splice(open.indexOf(socket), 1))
    await new Promise(resolve => socket.once('connect', resolve))
    open.push(socket)
    // The kernel has connected it; whether it is kept shows a moment later.
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  return { open, close: () => open.slice().forEach(socket => void socket.destroy()) }
}

describe('the traffic of one sidecar in two threads', () => {
  test('is carried by both, and every request of it is counted, once', async () => {
    const { statuses } = await sendMany(web.outbound, GET, 600, 24)
    expect(statuses).toEqual(new Map([[200, 600]]))
    for (const each of [web, callee]) await becomes(600, each, 'selvedge_requests_total')
    await becomes(600, web, 'selvedge_request_duration_seconds_count', 'direction="outbound"')
    await becomes(600, web, 'selvedge_attempts_total', 'class="success"')
  })

  test('is logged in whole lines, each of which says who carried it', async () => {
    await sendMany(web.outbound, GET, 200, 24)
    // Lines are written at the latest after a second in the worker, and another in the main thread.
    await until(() => [...carriedBy(web).values()].reduce((a, b) => a + b, 0) >= 200)
    const byWorker = carriedBy(web)
    expect([...byWorker.keys()].toSorted()).toEqual([0, 1])
    for (const count of byWorker.values()) expect(count).toBeGreaterThan(0)
  })

  test('is one list of endpoints, with what all threads have open', async () => {
    await sendMany(web.outbound, GET, 100, 24)
    const views = await web.endpoints()
    expect(views.map(({ destination }) => destination)).toEqual(['shop/catalog'])
    const [view] = views
    expect(view?.endpoints).toHaveLength(1)
    // A thread has connections of its own to an endpoint.
    expect(view?.endpoints[0]?.connections).toBeGreaterThanOrEqual(WORKERS)
    expect(view?.breaker.connections).toBe(view?.endpoints[0]?.connections)
  })

  test('has connections from callers, which are counted together', async () => {
    const { open, close } = await openMany(web.outbound, 9)
    expect(open).toHaveLength(9)
    await becomes(9, web, 'selvedge_connections_active', 'direction="outbound"')
    close()
    await becomes(0, web, 'selvedge_connections_active', 'direction="outbound"')
  })
})

describe('a policy', () => {
  test('holds in all threads when it is said to hold', async () => {
    const other = await mesh.with(echoApplication('other'))
    const second = await mesh.sidecar('second', { port: other.port, labels: { app: 'second' } })
    const both = [...resources, second.workload, service('second', { app: 'second' })]
    await web.edit(...both)
    for (let round = 0; round < 6; round++) {
      const target = round % 2 === 0 ? 'second' : 'catalog'
      await web.edit(...both, route('catalog', { backendRefs: [backend(target)], name: `round-${round}` }))
      const answers = await Promise.all(Array.from({ length: 12 }, () => ask(web.outbound, 'http://catalog/')))
      for (const { body } of answers)
        expect(body.includes('"name":"other"'), `round ${round}`).toBe(target === 'second')
    }
    await web.edit(...resources)
  })

  test('that is refused is refused by all: the old one stays in force', async () => {
    writeFileSync(
      web.path,
      textOf([...resources, route('catalog', { backendRefs: [{ name: 'catalog', port: 'eighty' }] })]),
    )
    await until(() => web.log().some(({ msg }) => String(msg).startsWith('Cannot apply the policy file')))
    expect((await sendMany(web.outbound, GET, 50, 12)).statuses).toEqual(new Map([[200, 50]]))
  })

  test('that knows no such service is asked for once, and answered by the main thread', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(web.outbound, 'http://nobody/')))
    expect(new Set(answers.map(({ status }) => status)).size).toBe(1)
    expect(answers[0]!.status).toBeGreaterThanOrEqual(500)
  })
})

describe('limits', () => {
  test('of requests hold for all threads together, whichever they came to', async () => {
    const waiting: (() => void)[] = []
    const holding = await mesh.with(
      httpApplication((_request, response) => {
        waiting.push(() => response.writeHead(200, { 'content-length': 2 }).end('ok'))
      }),
    )
    const held = await mesh.sidecar('held', {
      port: holding.port,
      labels: { app: 'held' },
      config: { workers: WORKERS },
    })
    await web.edit(
      ...[...resources, held.workload, service('held', { app: 'held' })],
      trafficPolicy('held', { circuitBreaker: { maxRequests: 5 } }),
    )
    for (let round = 0; round < 3; round++) {
      const first = Array.from({ length: 5 }, () => ask(web.outbound, 'http://held/'))
      await until(() => waiting.length === 5)
      const more = await Promise.all(Array.from({ length: 16 }, () => ask(web.outbound, 'http://held/')))
      for (const { status, headers } of more) {
        expect(status).toBe(503)
        expect(headers['x-selvedge-cause']).toBe('circuit-open')
      }
      const view = (await web.endpoints()).find(({ destination }) => destination === 'shop/held')
      expect(view).toMatchObject({ breaker: { requests: 5 }, limits: { requestsMax: 5 }, open: true })
      await becomes(1, web, 'selvedge_circuit_state', 'shop/held')
      for (const answer of waiting.splice(0)) answer()
      for (const { status } of await Promise.all(first)) expect(status).toBe(200)
      await becomes(0, web, 'selvedge_circuit_state', 'shop/held')
    }
    await web.edit(...resources)
  })

  test('of connections from callers hold for all threads together', async () => {
    const bounded = await mesh.sidecar('bounded', { resources, config: { workers: WORKERS, connectionsMax: 10 } })
    const { open, close } = await openMany(bounded.outbound, 20)
    await until(() => open.length === 10)
    await becomes(10, bounded, 'selvedge_connections_active', 'direction="outbound"')
    await becomes(10, bounded, 'selvedge_connections_refused_total', 'direction="outbound",reason="limit"')
    close()
    await until(async () => (await ask(bounded.outbound, 'http://catalog/').catch(() => undefined))?.status === 200)
  })
})

describe('the life of a sidecar with two threads', () => {
  test('[TLS-13] renews in both, while requests go on', async () => {
    const config = { leafLifeMs: 2_000, workers: WORKERS }
    const short = await mesh.sidecar('short', { port: application.port, labels: { app: 'short' }, config })
    const caller = await mesh.sidecar('short-web', {
      resources: [short.workload, service('catalog', { app: 'short' })],
      config,
    })
    const notAfter = async (sidecar: SidecarUnderTest) =>
      Date.parse((JSON.parse(await sidecar.page('/identity')) as { notAfter: string }).notAfter)
    const first = await Promise.all([notAfter(short), notAfter(caller)])
    const tallies: Tally[] = []
    let loading = true
    const load = (async () => {
      while (loading) tallies.push(await sendMany(caller.outbound, GET, 200, 8))
    })()
    // Beyond the end of the first certificates of both: who still used one would be refused.
    await until(async () => {
      const now = await Promise.all([notAfter(short), notAfter(caller)])
      return Date.now() > Math.max(...first) && now.every((end, at) => end > first[at]!)
    })
    loading = false
    await load
    for (const { statuses } of tallies) expect([...statuses.keys()]).toEqual([200])
    expect((await sendMany(caller.outbound, GET, 100, 24)).statuses).toEqual(new Map([[200, 100]]))
  })

  test('drains: readiness fails, what is under way ends, what is new is refused, nothing is lost', async () => {
    const waiting: (() => void)[] = []
    const slow = await mesh.with(
      httpApplication((_request, response) => {
        waiting.push(() => response.writeHead(200, { 'content-length': 4 }).end('done'))
      }),
    )
    const ending = await mesh.sidecar('ending', {
      port: slow.port,
      labels: { app: 'ending' },
      config: { workers: WORKERS },
    })
    const caller = await mesh.sidecar('ending-web', {
      resources: [ending.workload, service('ending', { app: 'ending' })],
    })
    const underWay = await Promise.all(Array.from({ length: 8 }, () => begun(caller.outbound)))
    await until(() => waiting.length === 8)
    const drain = ending.sidecar.drain()
    await until(async () => (await ask(ending.metrics, '/readyz')).status === 503)
    await until(async () => {
      const { headers } = await Promise.race([
        ask(caller.outbound, 'http://ending/'),
        new Promise<{ headers: Record<string, string> }>(resolve => setTimeout(() => resolve({ headers: {} }), 100)),
      ])
      return headers['x-selvedge-cause'] === 'draining'
    })
    for (const answer of waiting.splice(0)) answer()
    await drain
    for (const { answered } of underWay) expect((await answered).statusCode).toBe(200)
    await ending.sidecar.close()
    for (const port of [ending.inbound, ending.outbound, ending.metrics]) {
      await expect(ask(port, '/')).rejects.toThrow(/ECONNREFUSED/)
    }
  })

  test('[FAULT-9] ends beside another replica, and fails no request, POST included', async () => {
    const replica = async (name: string) => {
      const own = await mesh.with(quickApplication(name))
      return mesh.sidecar(name, { port: own.port, labels: { app: 'replicated' }, config: { workers: WORKERS } })
    }
    const [first, second] = [await replica('first'), await replica('other')]
    // Nobody tells this one that a replica is leaving, but the replica itself.
    const caller = await mesh.sidecar('replicated-web', {
      resources: [first.workload, second.workload, service('replicated', { app: 'replicated' })],
      config: { workers: WORKERS },
    })
    const head = 'POST / HTTP/1.1\r\nHost: replicated\r\nContent-Length: 4\r\n\r\nbody'
    let done = false
    const ending = first.sidecar.drain().then(() => first.sidecar.close())
    void ending.then(() => {
      done = true
    })
    for (let sent = 0; !done || sent < 2_000; sent += 200) {
      expect([...(await sendMany(caller.outbound, head, 200, 8)).statuses]).toEqual([[200, 200]])
    }
    await ending
  })

  test('takes no port that anybody has, another sidecar with threads included', async () => {
    const ports = { ...web.config.ports, outbound: web.outbound }
    const started = await startSidecar({ ...web.config, ports }, '0')
    expect(started.ok ? 'started' : started.error).toMatch(
      /^Cannot listen on 127\.0\.0\.1:[0-9]+: the port is in use\. Choose another port with --outbound-port/,
    )
  })
})

/** A request that has been sent, and its answer, which may take its time. */
async function begun(port: number) {
  return { answered: begin(port, 'http://ending/') }
}
