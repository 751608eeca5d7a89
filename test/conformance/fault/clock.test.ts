import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Application, echoApplication, httpApplication } from '../../fakes/application.ts'
import { ask } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { backend, route, service, trafficPolicy } from '../../in-process/resources.ts'

const HOUR_MS = 3_600_000
/** Timers run late on a busy machine, and never by an hour. */
const LATE_MS = 1_500

let mesh: Mesh
beforeEach(() => {
  mesh = startMesh()
})
afterEach(async () => {
  vi.useRealTimers()
  await mesh.close()
})

/** As by default: one of an hour would have ended for who is an hour ahead. */
const config = { leafLifeMs: 24 * HOUR_MS }
const offBy = (ms: number) => ({
  config,
  options: { clock: { nowMs: () => performance.now(), wallMs: () => Date.now() + ms } },
})

describe.each([
  ['ahead', HOUR_MS],
  ['behind', -HOUR_MS],
])('[FAULT-3] a sidecar whose clock is an hour %s', (_how, ms) => {
  test('calls others over mTLS, and is called by them', async () => {
    const application = await mesh.with(echoApplication('hello'))
    const selector = { app: 'hello' }
    for (const [name, calleeOff, callerOff] of [
      ['callee', ms, 0],
      ['caller', 0, ms],
    ] as const) {
      const callee = await mesh.sidecar(`${name}-hello`, {
        ...{ port: application.port, labels: selector },
        ...offBy(calleeOff),
      })
      const caller = await mesh.sidecar(`${name}-web`, {
        resources: [callee.workload, service('hello', selector)],
        ...offBy(callerOff),
      })
      const { status } = await ask(caller.outbound, 'http://hello/')
      expect([name, status]).toEqual([name, 200])
      expect((await ask(caller.metrics, '/readyz')).body).toBe('ready\n')
      const [destination] = await caller.endpoints()
      expect(destination?.endpoints.map(({ mtls }) => mtls)).toEqual([true])
    }
  })
})

describe.each([
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
])('[FAULT-3] a clock that is set %s by an hour while requests are under way', (_how, jumpMs) => {
  let hello: Application
  let failing: Application
  let caller: SidecarUnderTest

  beforeEach(async () => {
    hello = await mesh.with(
      httpApplication((request, response) => {
        const delayMs = Number(/^\/after\/([0-9]+)/.exec(request.url ?? '')?.[1] ?? 0)
        setTimeout(() => response.end('hello'), delayMs)
      }),
    )
    failing = await mesh.with(httpApplication((_request, response) => void response.writeHead(500).end()))
    const callees = await Promise.all([
      mesh.sidecar('hello', { port: hello.port, labels: { app: 'hello' }, config }),
      mesh.sidecar('failing', { port: failing.port, labels: { app: 'two' }, config }),
      mesh.sidecar('working', { port: hello.port, labels: { app: 'two' }, config }),
    ])
    caller = await mesh.sidecar('caller', {
      config,
      resources: [
        ...callees.map(({ workload }) => workload),
        service('hello', { app: 'hello' }),
        service('two', { app: 'two' }),
        route('hello', { backendRefs: [backend('hello')], timeouts: { request: '400ms' } }),
        trafficPolicy('two', { outlierDetection: { consecutiveErrors: 2, baseEjectionTime: '30s' } }),
      ],
    })
    expect((await ask(caller.outbound, 'http://hello/')).status).toBe(200)
  })

  function jump(): void {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + jumpMs })
  }

  /** Status and milliseconds, by the clock that nobody sets. */
  async function timed(path: string): Promise<readonly [status: number, ms: number]> {
    const startMs = performance.now()
    const { status } = await ask(caller.outbound, `http://hello${path}`)
    return [status, performance.now() - startMs]
  }

  test('ends none of them early, and none late', async () => {
    const [fine, late] = [timed('/after/200'), timed('/after/60000')]
    await until(() => hello.seen >= 3)
    jump()
    expect(await fine).toEqual([200, expect.closeTo(200, -3.5)])
    const [status, ms] = await late
    expect(status).toBe(504)
    expect(ms).toBeGreaterThan(350)
    expect(ms).toBeLessThan(400 + LATE_MS)
    // Those that begin afterwards, too.
    const [laterStatus, laterMs] = await timed('/after/60000')
    expect([laterStatus, laterMs > 350, laterMs < 400 + LATE_MS]).toEqual([504, true, true])
    expect((await timed('/'))[0]).toBe(200)
  })

  test('neither frees who was ejected nor keeps connections from being used', async () => {
    const ejected = async () =>
      (await caller.endpoints())
        .find(({ destination }) => destination === 'shop/two')
        ?.endpoints.filter(endpoint => endpoint.ejected).length
    await until(async () => {
      await Promise.all(Array.from({ length: 8 }, () => ask(caller.outbound, 'http://two/')))
      return (await ejected()) === 1
    })
    jump()
    const { seen } = failing
    for (let i = 0; i < 20; i++) expect((await ask(caller.outbound, 'http://two/')).status).toBe(200)
    expect([await ejected(), failing.seen]).toEqual([1, seen])
    const two = (await caller.endpoints()).find(({ destination }) => destination === 'shop/two')
    expect(two?.budgetRatio).toBe(0)
    expect((await ask(caller.metrics, '/readyz')).body).toBe('ready\n')
  })
})
