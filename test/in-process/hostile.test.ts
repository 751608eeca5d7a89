import { afterEach, expect, test } from 'vitest'
import { seededRandom } from '../../common/mod.ts'
import { byteApplication, httpApplication } from '../fakes/application.ts'
import { ask, wire } from './client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { backend, route, service, trafficPolicy, workload } from './resources.ts'

// What hostile and unlucky worlds do to what a sidecar has open.

let mesh: Mesh | undefined
afterEach(async () => {
  await mesh?.close()
  mesh = undefined
})

/** Nothing is under way, and what is counted is there. */
async function expectQuiet(sidecar: SidecarUnderTest, connections?: number): Promise<void> {
  await until(async () =>
    (await sidecar.endpoints()).every(
      ({ breaker, endpoints }) =>
        breaker.requests + breaker.pending === 0 &&
        endpoints.every(({ pending }) => pending === 0) &&
        breaker.connections === (connections ?? endpoints.reduce((sum, each) => sum + each.connections, 0)),
    ),
  )
  expect(await sidecar.page('/metrics')).toContain('selvedge_broken_exchanges_total 0')
}

test('the rest of an answer that nobody wants does not keep its connection when its endpoint goes', async () => {
  mesh = startMesh()
  const slow = await mesh.with(
    byteApplication(socket => {
      socket.on('data', () => socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\nhalf'))
      socket.on('end', () => socket.end())
    }),
  )
  const one = workload('one', { port: slow.port, labels: { app: 'busy' } })
  const rule = { backendRefs: [backend('busy')], retry: { codes: [503], attempts: 1, backoff: '1s' } }
  const rest = [service('busy', { app: 'busy' }), route('busy', rule)]
  const web = await mesh.sidecar('web', { resources: [one, ...rest] })
  const answer = ask(web.outbound, 'http://busy/')
  await until(() => slow.seen === 1)
  await new Promise(resolve => setTimeout(resolve, 30))
  await web.edit(...rest)
  expect((await answer).status).toBe(503)
  await expectQuiet(web, 0)
  await until(() => slow.open === 0)
})

test('a tunnel of bytes loses nothing of what its caller sent before it ended, though the far half ended first', async () => {
  mesh = startMesh()
  const counts: number[] = []
  const far = await mesh.with(
    byteApplication(socket => {
      socket.pause()
      socket.end()
      let count = 0
      // By then all that the kernel takes is in it, and the last of it waits in the sidecar, or doesn't.
      setTimeout(() => socket.resume(), 1_000)
      socket.on('data', chunk => {
        count += chunk.length
      })
      socket.on('close', () => counts.push(count))
    }),
  )
  const web = await mesh.sidecar('web')
  // The kernel takes about 4 MB for who doesn't read; one of these goes a little beyond that.
  const sizes = Array.from({ length: 24 }, (_, i) => 3_800_000 + i * 24_000)
  for (const bytes of sizes) {
    const caller = wire(web.outbound, true)
    caller.send(`CONNECT 127.0.0.1:${far.port} HTTP/1.1\r\nHost: 127.0.0.1:${far.port}\r\n\r\n`)
    await caller.match(/200 Connection established\r\n\r\n/)
    caller.socket.end(Buffer.alloc(bytes, 'x'))
  }
  await until(() => counts.length === sizes.length)
  expect(counts.sort()).toEqual(sizes)
})

test.each([
  ['with one endpoint', 1],
  ['with two endpoints', 2],
])('an exception of ours anywhere on the way, %s, costs its own request, and keeps nothing', async (_, endpoints) => {
  mesh = startMesh()
  const application = await mesh.with(
    httpApplication((request, response) => {
      if (request.url === '/busy') response.writeHead(503, { 'content-length': 4 }).end('busy')
      else response.writeHead(200, { 'content-length': 2 }).end('ok')
    }),
  )
  const callees = []
  for (let i = 0; i < endpoints; i++) {
    callees.push(await mesh.sidecar(`callee-${i}`, { port: application.port, labels: { app: 'callee' } }))
  }
  const rule = { backendRefs: [backend('callee')], retry: { codes: [503], attempts: 2, backoff: '1ms' } }
  const resources = [
    ...callees.map(callee => callee.workload),
    service('callee', { app: 'callee' }),
    route('callee', rule),
    trafficPolicy('callee', { circuitBreaker: { maxConnections: 4, maxPendingRequests: 100 } }),
  ]
  const chance = seededRandom(1)
  let faulty = false
  // Balancing, backoff, sampling, and the life of connections all ask for chance: each is a place where something may be thrown.
  const random = (): number => {
    if (faulty && chance() < 0.2) throw new Error('ours')
    return chance()
  }
  const web = await mesh.sidecar('web', { resources, options: { random } })
  faulty = true
  const answers = { good: 0, bad: 0 }
  let slowestMs = 0
  const lane = async (): Promise<void> => {
    for (let n = 0; n < 40; n++) {
      const beginMs = performance.now()
      const answer = await ask(web.outbound, `http://callee/${n % 3 === 0 ? 'busy' : ''}`).catch(() => undefined)
      slowestMs = Math.max(slowestMs, performance.now() - beginMs)
      if (answer?.status === 200) answers.good++
      else answers.bad++
    }
  }
  await Promise.all(Array.from({ length: 12 }, lane))
  faulty = false
  expect(answers.good).toBeGreaterThan(0)
  expect(answers.bad).toBeGreaterThan(0)
  // None was left hanging until its caller gave up.
  expect(slowestMs).toBeLessThan(8_000)
  await until(async () =>
    (await web.endpoints()).every(
      ({ breaker, endpoints: each }) =>
        breaker.requests + breaker.pending === 0 &&
        each.every(({ pending }) => pending === 0) &&
        breaker.connections === each.reduce((sum, { connections }) => sum + connections, 0),
    ),
  )
  await until(async () => (await web.page('/metrics')).includes('selvedge_connections_active{direction="outbound"} 0'))
  expect(await web.page('/metrics')).toMatch(/selvedge_broken_exchanges_total [1-9]/)
  // And it serves as before, over as many connections as it may have.
  const after = await Promise.all(Array.from({ length: 20 }, () => ask(web.outbound, 'http://callee/')))
  expect(after.map(({ status }) => status)).toEqual(after.map(() => 200))
})
