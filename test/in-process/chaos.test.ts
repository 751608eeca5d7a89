import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Random, seededRandom } from '../../common/mod.ts'
import { httpApplication } from '../fakes/application.ts'
import { ask, keepAlive, wire } from './client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { backend, type Resource, route, service, trafficPolicy } from './resources.ts'

// Everything at once, and then nothing must be left: no place taken, no answer that belongs to another request.

const REQUESTS = 2_000
const CALLERS = 24

let mesh: Mesh
let web: SidecarUnderTest
let resources: readonly Resource[]
const sidecars: SidecarUnderTest[] = []

/** Answers with what it was sent, unless it breaks off, dawdles, fails, or answers early. */
function capricious(random: Random) {
  return httpApplication((request, response) => {
    const mood = random()
    if (mood < 0.05) request.socket.destroy()
    else if (mood < 0.1) response.writeHead(503, { 'content-length': 4 }).end('busy')
    else if (mood < 0.13) setTimeout(() => response.end(), 200)
    else {
      const parts: Buffer[] = []
      request.on('data', (chunk: Buffer) => parts.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat([Buffer.from(`${request.url} `), ...parts])
        if (mood < 0.18) {
          response.writeHead(200, { 'content-length': body.length + 1 })
          response.write(body, () => request.socket.resetAndDestroy())
        } else if (mood < 0.6) response.writeHead(200, { 'content-length': body.length }).end(body)
        else {
          response.write(body.subarray(0, body.length / 2))
          response.end(body.subarray(body.length / 2))
        }
      })
    }
  })
}

beforeAll(async () => {
  mesh = startMesh()
  for (const [seed, name] of ['one', 'two', 'three'].entries()) {
    const application = await mesh.with(capricious(seededRandom(seed + 1)))
    sidecars.push(await mesh.sidecar(name, { port: application.port, labels: { app: 'capricious' } }))
  }
  resources = [
    ...sidecars.map(sidecar => sidecar.workload),
    service('capricious', { app: 'capricious' }),
    route('capricious', {
      backendRefs: [backend('capricious')],
      timeouts: { request: '1s', backendRequest: '100ms' },
      retry: { codes: [503], attempts: 2, backoff: '1ms' },
    }),
    trafficPolicy('capricious', {
      circuitBreaker: { maxConnections: 8, maxPendingRequests: 8, maxRequests: 20 },
      outlierDetection: { consecutiveErrors: 3, baseEjectionTime: '50ms' },
    }),
  ]
  web = await mesh.sidecar('web', { resources })
  sidecars.push(web)
})
afterAll(() => mesh.close())

test('whatever programs and callers do, answers go to whom they belong, and everything is given back', async () => {
  const random = seededRandom(42)
  const agent = keepAlive(CALLERS)
  const statuses = new Map<number, number>()
  let left = REQUESTS

  /** A caller that goes somewhere in the middle. */
  async function impatient(id: number): Promise<void> {
    const caller = wire(web.outbound)
    caller.socket.on('error', () => undefined)
    caller.send(`PUT /${id} HTTP/1.1\r\nHost: capricious\r\nContent-Length: 5000\r\n\r\n`)
    if (random() < 0.5) caller.send('x'.repeat(random() < 0.5 ? 5_000 : 2_000))
    await new Promise(resolve => setTimeout(resolve, random() * 10))
    if (random() < 0.5) caller.socket.resetAndDestroy()
    else caller.socket.destroy()
  }

  async function patient(id: number): Promise<void> {
    const body = `${id},`.repeat(Math.floor(random() * (random() < 0.1 ? 30_000 : 300)))
    const method = random() < 0.5 ? 'PUT' : 'POST'
    const answer = await ask(web.outbound, `http://capricious/${id}`, { method, body, agent }).catch(() => undefined)
    statuses.set(answer?.status ?? 0, (statuses.get(answer?.status ?? 0) ?? 0) + 1)
    if (answer?.status === 200 && answer.body !== '') expect(answer.body).toBe(`/${id} ${body}`)
  }

  async function lane(): Promise<void> {
    while (left > 0) {
      const id = left--
      if (random() < 0.15) await impatient(id)
      else await patient(id)
    }
  }
  const editing = (async () => {
    for (let n = 0; left > 0; n++) await web.edit(...resources, service(`other-${n}`, {}))
  })()
  await Promise.all([editing, ...Array.from({ length: CALLERS }, lane)])
  agent.destroy()

  // The rest is refused by the breaker, or failed by the programs.
  expect(statuses.get(200), `statuses: ${JSON.stringify([...statuses])}`).toBeGreaterThan(REQUESTS / 5)
  for (const sidecar of sidecars) {
    await until(async () =>
      (await sidecar.endpoints()).every(({ breaker }) => breaker.requests + breaker.pending === 0),
    )
    for (const { breaker, endpoints } of await sidecar.endpoints()) {
      expect(endpoints.map(({ pending }) => pending)).toEqual(endpoints.map(() => 0))
      await until(() => breaker.connections === endpoints.reduce((sum, { connections }) => sum + connections, 0))
    }
    const metrics = await sidecar.page('/metrics')
    expect(metrics).toContain('selvedge_broken_exchanges_total 0')
    await until(async () => {
      const open = /selvedge_connections_active\{direction="outbound"\} ([0-9]+)/.exec(await sidecar.page('/metrics'))
      return open?.[1] === '0'
    })
  }
})
