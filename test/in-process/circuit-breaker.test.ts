import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Application, byteApplication, httpApplication, quickApplication } from '../fakes/application.ts'
import { ask, wire } from './client.ts'
import { sendMany } from './load.ts'
import { type DestinationView, type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { backend, type Resource, route, service, trafficPolicy, workload } from './resources.ts'

// CHECKLIST, LOAD-4: what is under way is bounded, what is refused is refused at once, and everything is given back.

let mesh: Mesh
let held: Application
let web: SidecarUnderTest
/** The last is the policy of `raised`. */
let resources: Resource[]
/** Requests that the application has not answered yet, by path, in the order in which they came. */
const waiting: { readonly path: string; readonly response: ServerResponse }[] = []

beforeAll(async () => {
  mesh = startMesh()
  held = await mesh.with(
    httpApplication((request, response) => {
      if (request.url === '/quick') response.writeHead(200, { 'content-length': 2 }).end('ok')
      else waiting.push({ path: request.url ?? '', response })
    }),
  )
  const selector = { app: 'held' }
  const callee = await mesh.sidecar('held', { port: held.port, labels: selector })
  // A connection carries one request at a time only where HTTP/1.1 is spoken: to endpoints without a sidecar.
  const plain = { app: 'plain' }
  resources = [
    ...[callee.workload, workload('plain', { labels: plain, port: held.port })],
    ...[service('few-requests', selector), trafficPolicy('few-requests', { circuitBreaker: { maxRequests: 2 } })],
    service('queued', plain),
    trafficPolicy('queued', { circuitBreaker: { maxConnections: 1, maxPendingRequests: 3 } }),
    ...[service('hurried', plain), trafficPolicy('hurried', { circuitBreaker: { maxConnections: 1 } })],
    route('hurried', { backendRefs: [backend('hurried')], timeouts: { request: '60ms' } }),
    ...[service('busy', plain), trafficPolicy('busy', { circuitBreaker: { maxConnections: 2 } })],
    ...[
      service('single', selector),
      trafficPolicy('single', { circuitBreaker: { maxConnections: 1, maxPendingRequests: 600 } }),
    ],
    service('raised', plain),
    trafficPolicy('raised', { circuitBreaker: { maxConnections: 1 } }),
  ]
  web = await mesh.sidecar('web', { resources })
})
afterAll(() => mesh.close())
beforeEach(() => {
  waiting.length = 0
})

async function view(name: string): Promise<DestinationView> {
  const found = (await web.endpoints()).find(({ destination }) => destination === `shop/${name}`)
  if (found === undefined) throw new Error(`${name} is not in /endpoints`)
  return found
}

/** Nothing is under way; kept connections may stay. */
async function isQuiet(name: string): Promise<boolean> {
  const { breaker, endpoints } = await view(name)
  return (
    breaker.requests === 0 &&
    breaker.pending === 0 &&
    breaker.connections === endpoints.reduce((sum, endpoint) => sum + endpoint.connections, 0) &&
    endpoints.every(({ pending }) => pending === 0)
  )
}

function answer(index: number, body = 'done'): void {
  waiting[index]?.response.writeHead(200, { 'content-length': body.length }).end(body)
}

describe('[LOAD-4] more requests than may be under way', () => {
  test('are refused at once, and admitted again when others have ended', async () => {
    const first = [ask(web.outbound, 'http://few-requests/1'), ask(web.outbound, 'http://few-requests/2')]
    await until(() => waiting.length === 2)
    expect(await view('few-requests')).toMatchObject({ breaker: { requests: 2 }, open: true })
    expect(await web.page('/metrics')).toContain('selvedge_circuit_state{destination="shop/few-requests"} 1')
    const refused = await ask(web.outbound, 'http://few-requests/3')
    expect(refused).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'circuit-open' } })
    expect(waiting).toHaveLength(2)
    answer(0)
    answer(1)
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200])
    expect((await ask(web.outbound, 'http://few-requests/quick')).status).toBe(200)
    await until(() => isQuiet('few-requests'))
    expect(await view('few-requests')).toMatchObject({ breaker: { requests: 0 }, open: false })
  })
})

describe('[LOAD-4] more requests than connections', () => {
  test('do not wait on when the limit is raised', async () => {
    const asked = [0, 1, 2].map(n => ask(web.outbound, `http://raised/${n}`))
    await until(async () => waiting.length === 1 && (await view('raised')).breaker.pending === 2)
    await web.edit(...resources.slice(0, -1), trafficPolicy('raised', { circuitBreaker: { maxConnections: 3 } }))
    await until(() => waiting.length === 3)
    for (const n of waiting.keys()) answer(n)
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200])
    await until(() => isQuiet('raised'))
  })

  test('wait in order, up to the bound', async () => {
    const asked = [ask(web.outbound, 'http://queued/0')]
    await until(() => waiting.length === 1)
    for (let n = 1; n <= 3; n++) {
      asked.push(ask(web.outbound, `http://queued/${n}`))
      await until(async () => (await view('queued')).breaker.pending === n)
    }
    const refused = await ask(web.outbound, 'http://queued/4')
    expect(refused).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'circuit-open' } })
    for (let n = 0; n <= 3; n++) {
      await until(() => waiting.length === n + 1)
      expect((await view('queued')).breaker.pending).toBe(3 - n)
      answer(n)
      expect((await asked[n])?.status).toBe(200)
    }
    expect(waiting.map(({ path }) => path)).toEqual(['/0', '/1', '/2', '/3'])
    await until(() => isQuiet('queued'))
    expect((await view('queued')).breaker.connections).toBe(1)
  })

  test('give their places back when their callers go', async () => {
    const first = ask(web.outbound, 'http://queued/0')
    await until(() => waiting.length === 1)
    const impatient = [wire(web.outbound), wire(web.outbound)]
    for (const caller of impatient) caller.send('GET /x HTTP/1.1\r\nHost: queued\r\n\r\n')
    await until(async () => (await view('queued')).breaker.pending === 2)
    for (const caller of impatient) caller.socket.destroy()
    await until(async () => (await view('queued')).breaker.pending === 0)
    answer(0)
    expect((await first).status).toBe(200)
    expect(waiting).toHaveLength(1)
    await until(() => isQuiet('queued'))
  })

  test('go on with a new connection when the one in use breaks', async () => {
    // Not idempotent: a GET on a kept connection would be sent once more.
    const first = ask(web.outbound, 'http://queued/0', { method: 'POST' })
    await until(() => waiting.length === 1)
    const second = ask(web.outbound, 'http://queued/quick')
    await until(async () => (await view('queued')).breaker.pending === 1)
    waiting[0]?.response.socket?.destroy()
    expect((await first).status).toBe(502)
    expect((await second).status).toBe(200)
    await until(() => isQuiet('queued'))
  })

  test('end with their time limit while they wait', async () => {
    const statuses = await Promise.all([1, 2, 3].map(n => ask(web.outbound, `http://hurried/${n}`)))
    for (const { status, headers } of statuses) {
      expect([status, headers['x-selvedge-cause']]).toEqual([504, 'request-timeout'])
    }
    await until(() => isQuiet('hurried'))
    expect((await ask(web.outbound, 'http://hurried/quick')).status).toBe(200)
  })

  test('wait for no connection that another port of the service keeps', async () => {
    const [one, two] = [await mesh.with(quickApplication('one')), await mesh.with(quickApplication('two'))]
    const ports = [
      { name: 'one', port: one.port, protocol: 'http' },
      { name: 'two', port: two.port, protocol: 'http' },
    ]
    const plain = workload('two-ports', { labels: { app: 'two-ports' } })
    const caller = await mesh.sidecar('web-2', {
      resources: [
        { ...plain, spec: { address: '127.0.0.1', ports } },
        {
          ...service('two-ports', {}),
          spec: {
            selector: { app: 'two-ports' },
            ports: [
              { name: 'one', port: 81, targetPort: 'one' },
              { name: 'two', port: 82, targetPort: 'two' },
            ],
          },
        },
        trafficPolicy('two-ports', { circuitBreaker: { maxConnections: 1 } }),
      ],
    })
    for (const [port, name] of [
      [81, 'one'],
      [82, 'two'],
      [81, 'one'],
    ] as const) {
      expect((await ask(caller.outbound, `http://two-ports:${port}/`)).body).toBe(name)
    }
  })

  test('go to the endpoints that there are when it is their turn, or end when there is none', async () => {
    const other = await mesh.with(quickApplication('other'))
    const labels = { app: 'moving' }
    const policy = [service('moving', labels), trafficPolicy('moving', { circuitBreaker: { maxConnections: 1 } })]
    const old = workload('old', { labels, port: held.port })
    const caller = await mesh.sidecar('web-3', { resources: [old, ...policy] })
    const pending = async () =>
      (await caller.endpoints()).find(({ destination }) => destination === 'shop/moving')?.breaker.pending
    const first = ask(caller.outbound, 'http://moving/0')
    await until(() => waiting.length === 1)
    const second = ask(caller.outbound, 'http://moving/1')
    await until(async () => (await pending()) === 1)
    await caller.edit(workload('new', { labels, port: other.port }), ...policy)
    answer(0)
    expect((await first).body).toBe('done')
    expect((await second).body).toBe('other')
    expect(waiting).toHaveLength(1)

    await caller.edit(old, ...policy)
    const third = ask(caller.outbound, 'http://moving/2')
    await until(() => waiting.length === 2)
    const fourth = ask(caller.outbound, 'http://moving/3')
    await until(async () => (await pending()) === 1)
    await caller.edit(...policy)
    expect(await fourth).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'no-healthy-endpoint' } })
    answer(1)
    expect((await third).body).toBe('done')
    expect(await pending()).toBe(0)
  })

  test('share one to another sidecar; what it does not carry at once waits, and is answered', async () => {
    const asked = Array.from({ length: 400 }, (_, n) => ask(web.outbound, `http://single/${n}`))
    // What one connection carries at once (RFC 9113, 5.1.2).
    await until(() => waiting.length === 256)
    await until(async () => (await view('single')).breaker.pending === 400 - 256)
    expect((await view('single')).breaker.connections).toBe(1)
    for (let n = 0; n < 400; n++) {
      await until(() => waiting.length > n)
      answer(n)
    }
    expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set([200]))
    await until(() => isQuiet('single'))
    expect((await view('single')).breaker.connections).toBe(1)
  })

  test('are all answered, however many', async () => {
    const { statuses } = await sendMany(web.outbound, 'GET /quick HTTP/1.1\r\nHost: busy\r\n\r\n', 1_000, 50)
    expect([...statuses]).toEqual([[200, 1_000]])
    await until(() => isQuiet('busy'))
    expect((await view('busy')).breaker.connections).toBeLessThanOrEqual(2)
  })
})

describe('what was under way is given back', () => {
  test('when callers go in the middle of it', async () => {
    const callers = Array.from({ length: 2 }, () => wire(web.outbound))
    for (const caller of callers) caller.send('GET /x HTTP/1.1\r\nHost: few-requests\r\n\r\n')
    await until(() => waiting.length === 2)
    for (const caller of callers) caller.socket.destroy()
    await until(() => isQuiet('few-requests'))
    // Also at the far end: the application sees its connections go.
    await until(() => waiting.every(({ response }) => response.destroyed))
  })

  test('when callers go in the middle of their bodies, or of their answers', async () => {
    const sending = wire(web.outbound)
    sending.send('POST /x HTTP/1.1\r\nHost: few-requests\r\nContent-Length: 10\r\n\r\nhalf')
    const reading = wire(web.outbound)
    reading.send('GET /y HTTP/1.1\r\nHost: few-requests\r\n\r\n')
    await until(() => waiting.length === 2)
    const answering = waiting.find(({ path }) => path === '/y')?.response
    answering?.writeHead(200, { 'content-length': 10 }).write('half')
    await reading.match(/half$/)
    reading.socket.destroy()
    sending.socket.destroy()
    await until(() => isQuiet('few-requests'))
    await until(() => waiting.every(({ response }) => response.destroyed))
  })

  test('when the application breaks off', async () => {
    const asked = [1, 2].map(n => ask(web.outbound, `http://few-requests/${n}`, { method: 'POST' }))
    await until(() => waiting.length === 2)
    for (const { response } of waiting) response.socket?.destroy()
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([502, 502])
    await until(() => isQuiet('few-requests'))
  })
})

test('nothing broke', async () => {
  expect(await web.page('/metrics')).toContain('selvedge_broken_exchanges_total 0')
})

test('counts the tunnel of a service that was deleted, when the service is back', async () => {
  const switched = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  const application = await mesh.with(
    byteApplication(socket => {
      socket.once('data', () => void socket.write(switched))
      socket.on('end', () => socket.end())
    }),
  )
  const known = [
    workload('chat', { labels: { app: 'chat' }, port: application.port }),
    service('chat', { app: 'chat' }),
    trafficPolicy('chat', { circuitBreaker: { maxConnections: 1, maxPendingRequests: 1 } }),
  ]
  const caller = await mesh.sidecar('chatting', { resources: known })
  const connections = async () => (await caller.endpoints()).map(({ breaker }) => breaker.connections)
  const open = () => {
    const tunnel = wire(caller.outbound)
    tunnel.send('GET / HTTP/1.1\r\nHost: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    return tunnel
  }
  const first = open()
  await first.match(/ 101 /)
  await caller.edit()
  expect(await connections()).toEqual([])
  await caller.edit(...known)
  expect(await connections()).toEqual([1])
  // So there is no room for another, and for one alone to wait.
  const second = open()
  await until(async () => (await caller.endpoints())[0]?.breaker.pending === 1)
  const third = open()
  await third.match(/ 503 .*circuit-open/s)
  first.socket.destroy()
  await second.match(/ 101 /)
  second.socket.destroy()
  third.socket.destroy()
  await until(async () => (await connections())[0] === 0)
})

test('[LOAD-4] who waits for a connection to a service that goes is told, and not kept for its return', async () => {
  const held = ask(web.outbound, 'http://queued/held')
  await until(() => waiting.some(({ path }) => path === '/held'))
  const queued = ask(web.outbound, 'http://queued/queued')
  await until(async () => (await view('queued')).breaker.pending === 1)
  await web.edit(...resources.filter(({ metadata }) => !JSON.stringify(metadata).includes('"queued"')))
  expect(await queued).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'no-healthy-endpoint' } })
  await web.edit(...resources)
  answer(waiting.findIndex(({ path }) => path === '/held'))
  expect(await held).toMatchObject({ status: 200 })
  await until(() => isQuiet('queued'))
})
