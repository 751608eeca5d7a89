import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Application, byteApplication, type Echo, echoApplication, httpApplication } from '../fakes/application.ts'
import { ask, begin, wire } from './client.ts'
import { sendMany } from './load.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { backend, type Resource, route, service, trafficPolicy, workload } from './resources.ts'

// CHECKLIST, RETRY and GW-11 to 13.

let mesh: Mesh
let good: Application
/** Answers 503, always. */
let bad: Application
/** Takes a request and never answers. */
let silent: Application
/** Beside a sidecar that runs, an application that does not. */
let down: Application
/** Breaks each connection off at the first byte. */
let breaking: Application
let web: SidecarUnderTest

const RETRY_503 = { codes: [503], attempts: 3, backoff: '1ms' }

/** A service of the workloads that carry the label, with a route to itself that has these settings. */
function to(name: string, label: string, rule: Resource = {}): readonly Resource[] {
  return [service(name, { [label]: 'yes' }), route(name, { backendRefs: [backend(name)], ...rule })]
}

/** Ejection off: what a test wants to see is what the endpoints do. */
function noEjection(name: string, more: Resource = {}): Resource {
  return trafficPolicy(name, { outlierDetection: { consecutiveErrors: 0 }, ...more })
}

beforeAll(async () => {
  mesh = startMesh()
  good = await mesh.with(echoApplication('good'))
  bad = await mesh.with(
    httpApplication((request, response) => {
      request.resume().on('end', () => response.writeHead(503, { 'content-length': 3 }).end('bad'))
    }),
  )
  silent = await mesh.with(httpApplication(request => void request.resume()))
  down = await mesh.with(echoApplication('down'))
  breaking = await mesh.with(byteApplication(socket => socket.once('data', () => socket.resetAndDestroy())))
  await down.close()
  const yes = (...labels: readonly string[]) => Object.fromEntries(labels.map(label => [label, 'yes']))
  const beside = async (name: string, port: number, ...labels: readonly string[]) =>
    (await mesh.sidecar(name, { port, labels: yes(name, ...labels) })).workload
  const closedPort = await freePort()
  web = await mesh.sidecar('web', {
    resources: [
      await beside('good', good.port, 'or-refused', 'or-down', 'or-bad', 'or-silent', 'or-breaking', 'counted'),
      await beside('bad', bad.port, 'or-bad', 'counted'),
      await beside('silent', silent.port, 'or-silent'),
      await beside('down', down.port, 'or-down'),
      await beside('breaking', breaking.port, 'or-breaking'),
      workload('refused', { labels: yes('refused', 'or-refused'), port: 8080, inboundPort: closedPort }),
      ...[service('no-policy', yes('or-refused')), noEjection('no-policy')],
      ...[service('no-policy-down', yes('or-down')), noEjection('no-policy-down')],
      ...[service('only-refused', yes('refused')), noEjection('only-refused')],
      ...[service('only-breaking', yes('breaking')), noEjection('only-breaking')],
      ...[service('only-good', yes('good'))],
      ...[service('plain-bad', yes('or-bad')), noEjection('plain-bad')],
      ...[...to('on-503', 'or-bad', { retry: RETRY_503 }), noEjection('on-503')],
      ...[...to('all-bad', 'bad', { retry: RETRY_503 }), noEjection('all-bad')],
      ...to('poor', 'bad', { retry: RETRY_503 }),
      noEjection('poor', { retryBudget: { percent: 20, minRetriesPerSecond: 0.1, interval: '10s' } }),
      ...[...to('broken', 'or-breaking', { retry: { attempts: 3, backoff: '1ms' } }), noEjection('broken')],
      ...[...to('broken-post', 'or-breaking', { retry: { attempts: 3 } }), noEjection('broken-post')],
      ...to('attempt-limit', 'or-silent', {
        ...{ timeouts: { request: '2s', backendRequest: '60ms' }, retry: { attempts: 5, backoff: '1ms' } },
      }),
      noEjection('attempt-limit'),
      ...to('one-attempt', 'silent', { timeouts: { backendRequest: '60ms' } }),
      ...to('whole-limit', 'silent', {
        ...{ timeouts: { request: '200ms', backendRequest: '120ms' }, retry: { attempts: 10, backoff: '1ms' } },
      }),
      ...to('counted', 'counted', { retry: { codes: [503], attempts: 1, backoff: '5ms' } }),
    ],
  })
})
afterAll(() => mesh.close())

/** A port on which nobody listens. */
function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function head(host: string, method = 'GET'): string {
  return `${method} / HTTP/1.1\r\nHost: ${host}\r\n\r\n`
}

describe('without any policy', () => {
  test('[RETRY-3] [RETRY-5] a refused connection is tried on another endpoint, whatever the method', async () => {
    for (const method of ['GET', 'POST']) {
      const { statuses } = await sendMany(web.outbound, head('no-policy', method), 20, 2)
      expect([...statuses]).toEqual([[200, 20]])
    }
  })

  test("[RETRY-3] so is a far sidecar's own connect-failed, when its application is down", async () => {
    for (const method of ['GET', 'POST']) {
      const { statuses } = await sendMany(web.outbound, head('no-policy-down', method), 20, 2)
      expect([...statuses]).toEqual([[200, 20]])
    }
    const metrics = await web.page('/metrics')
    expect(metrics).toMatch(/selvedge_attempts_total\{class="connect-failed"\} [1-9]/)
  })

  test('with its body', async () => {
    const body = 'b'.repeat(60_000)
    for (let n = 0; n < 10; n++) {
      const answer = await ask(web.outbound, 'http://no-policy-down/', { method: 'POST', body })
      expect(answer.status).toBe(200)
      expect((JSON.parse(answer.body) as Echo).body).toBe(body)
    }
  })

  test('where there is no other endpoint, the answer is connect-failed', async () => {
    const answer = await ask(web.outbound, 'http://only-refused/')
    expect(answer).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'connect-failed' } })
  })

  test('a 503 and a reset are not tried again', async () => {
    const before = bad.seen + good.seen
    const { statuses } = await sendMany(web.outbound, head('plain-bad'), 20, 2)
    expect(statuses.get(503)).toBeGreaterThan(0)
    expect(bad.seen + good.seen).toBe(before + 20)
    const broken = await ask(web.outbound, 'http://only-breaking/', { method: 'POST' })
    expect(broken).toMatchObject({ status: 502, headers: { 'x-selvedge-cause': 'upstream-reset' } })
  })
})

describe('with a policy for 503', () => {
  test('every request is answered by the good endpoint, bodies up to 64 KiB and all', async () => {
    for (const bytes of [0, 1, 64 * 1024]) {
      const body = 'x'.repeat(bytes)
      for (let n = 0; n < 10; n++) {
        const answer = await ask(web.outbound, 'http://on-503/', { method: 'POST', body })
        expect(answer.status).toBe(200)
        expect((JSON.parse(answer.body) as Echo).body).toBe(body)
      }
    }
  })

  test('a chunked body is sent again as well', async () => {
    for (let n = 0; n < 6; n++) {
      const caller = wire(web.outbound)
      caller.send('POST / HTTP/1.1\r\nHost: on-503\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n')
      caller.send('5\r\n body\r\n0\r\n\r\n')
      await caller.match(/ 200 OK.*"body":"some body"/s)
      caller.socket.destroy()
    }
  })

  test('[RETRY-2] a larger body is not sent again: the 503 is the answer', async () => {
    const before = bad.seen
    const answer = await ask(web.outbound, 'http://all-bad/', { method: 'POST', body: 'x'.repeat(65 * 1024) })
    expect(answer).toMatchObject({ status: 503, body: 'bad' })
    expect(bad.seen).toBe(before + 1)
  })

  test('where all attempts bring 503, the last answer is the answer', async () => {
    const before = bad.seen
    const answer = await ask(web.outbound, 'http://all-bad/')
    expect(answer).toMatchObject({ status: 503, body: 'bad' })
    expect(bad.seen).toBe(before + 4)
  })

  test('[LOAD-5] [RETRY-8] the budget bounds the retries, and says so', async () => {
    const before = bad.seen
    const { statuses } = await sendMany(web.outbound, head('poor'), 200, 4)
    expect([...statuses]).toEqual([[503, 200]])
    // At most a fifth of the requests.
    expect(bad.seen - before).toBeLessThanOrEqual(200 + 40)
    expect(bad.seen - before).toBeGreaterThan(220)
    const metrics = await web.page('/metrics')
    expect(metrics).toMatch(/destination="shop\/poor".*cause="retry-budget-exhausted"\} [12][0-9]{2}/)
    expect(metrics).toMatch(/selvedge_retry_budget_ratio\{destination="shop\/poor"\} (0\.9|1)/)
  })

  test('and with ejection, of two endpoints one answers everything with 503: under 1% of failures', async () => {
    const { statuses } = await sendMany(web.outbound, head('counted'), 3_000, 16)
    expect(3_000 - (statuses.get(200) ?? 0)).toBeLessThan(30)
    const counted = (await web.endpoints()).find(({ destination }) => destination === 'shop/counted')
    expect(counted?.endpoints.filter(({ ejected }) => ejected)).toHaveLength(1)
    const metrics = await web.page('/metrics')
    expect(metrics).toContain('selvedge_endpoints{destination="shop/counted",state="ejected"} 1')
    expect(metrics).toContain('selvedge_ejections_total 1')
    expect(web.log().some(({ msg, service: of }) => /Ejected/.test(String(msg)) && of === 'shop/counted')).toBe(true)
  })
})

describe('[RETRY-4] [FAULT-5] a connection that breaks before any answer', () => {
  test('is tried again for an idempotent request, or one with a key', async () => {
    for (const question of [{}, { method: 'PUT' }, { method: 'POST', headers: { 'Idempotency-Key': 'k' } }]) {
      for (let n = 0; n < 6; n++) expect((await ask(web.outbound, 'http://broken/', question)).status).toBe(200)
    }
  })

  test('is not tried again for another', async () => {
    const before = breaking.seen
    const statuses = new Set<number>()
    for (let n = 0; n < 12; n++)
      statuses.add((await ask(web.outbound, 'http://broken-post/', { method: 'POST' })).status)
    expect(breaking.seen).toBeGreaterThan(before)
    expect([...statuses].sort()).toEqual([200, 502])
  })
})

test('[RETRY-2] nothing is sent again once the answer has begun', async () => {
  let asked = 0
  const half = await mesh.with(
    byteApplication(socket => {
      socket.once('data', () => {
        asked++
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', () => socket.resetAndDestroy())
      })
    }),
  )
  const sidecar = await mesh.sidecar('half', { port: half.port, labels: { half: 'yes' } })
  const caller = await mesh.sidecar('half-caller', {
    resources: [sidecar.workload, ...to('half', 'half', { retry: { ...RETRY_503, codes: [502, 503] } })],
  })
  const answer = await begin(caller.outbound, 'http://half/')
  expect(answer.statusCode).toBe(200)
  await expect(answer.toArray()).rejects.toThrow(/aborted/)
  expect(asked).toBe(1)
})

describe('time limits', () => {
  test('an attempt that takes too long is tried again elsewhere', async () => {
    for (let n = 0; n < 8; n++) expect((await ask(web.outbound, 'http://attempt-limit/')).status).toBe(200)
  })

  test('an attempt that takes too long, the only one, is 504 attempt-timeout', async () => {
    const answer = await ask(web.outbound, 'http://one-attempt/')
    expect(answer).toMatchObject({ status: 504, headers: { 'x-selvedge-cause': 'attempt-timeout' } })
  })

  test('[RETRY-1] [GW-11] the limit of the whole request covers all attempts and is 504 request-timeout', async () => {
    const start = performance.now()
    const answer = await ask(web.outbound, 'http://whole-limit/')
    expect(answer).toMatchObject({ status: 504, headers: { 'x-selvedge-cause': 'request-timeout' } })
    expect(performance.now() - start).toBeGreaterThan(190)
    expect(performance.now() - start).toBeLessThan(1_000)
  })

  test('and what was given up is given up at the far end as well', async () => {
    await until(() => silent.open === 0)
  })
})

test('at the end nothing is under way, and nothing broke', async () => {
  await until(async () =>
    (await web.endpoints()).every(({ breaker }) => breaker.requests === 0 && breaker.pending === 0),
  )
  for (const { endpoints } of await web.endpoints()) {
    expect(endpoints.map(({ pending }) => pending)).toEqual(endpoints.map(() => 0))
  }
  expect(await web.page('/metrics')).toContain('selvedge_broken_exchanges_total 0')
})
