import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type Counts, callerIn, callerProcess, echoProcess } from './kit/caller.ts'
import { eventually, pause, yes } from './kit/eventually.ts'
import { type Mesh, startMesh } from './kit/mesh.ts'
import { run } from './kit/program.ts'

/** What is promised: so long after its death nobody is offered it any more. */
const WITHDRAWN_MS = 2_000
const RETURN_MS = 15_000
/** What is promised: so long after its death a sidecar is ready again, on a machine that has time for it. */
const BACK_MS = 1_000
/** What an empty Node takes to start and end on an idle machine, and as a child of a test. */
const BARE_START_MS = 60
const PER_SECOND = 150

const secondAlone = `
---
apiVersion: v1
kind: Service
metadata: { name: hello-2-alone, namespace: shop }
spec: { selector: { app: hello, version: hello-2 }, ports: [{ port: 80, targetPort: http, appProtocol: http }] }
`
/** With it a request that was under way at the dead program is tried once more at the other one. */
const retries = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: hello, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: hello }]
  rules: [{ backendRefs: [{ name: hello, port: 80 }], retry: { attempts: 2, codes: [502, 503] } }]
`

let mesh: Mesh
let caller: Caller

beforeAll(async () => {
  mesh = await startMesh(
    [echoProcess('hello-1', 'hello'), echoProcess('hello-2', 'hello'), callerProcess(), secondAlone].join(''),
  )
  caller = await callerIn(mesh)
  await caller.once({ url: 'http://hello/' })
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

/** How many endpoints of the service the caller's sidecar has. */
function offered(): Promise<number> {
  return mesh.endpoints('shop/caller', 'shop/hello')
}

interface Observed {
  readonly counts: Counts
  readonly withdrawnMs: number
}

/** Kills under load, and tells what callers saw until all was well again. `kill` returns what brings it back. */
async function killUnderLoad(method: string, kill: () => () => void): Promise<Observed> {
  await eventually('both are offered', RETURN_MS, async () => yes((await offered()) === 2))
  await caller.load({ url: 'http://hello/', perSecond: PER_SECOND, method })
  await pause(500)
  const bringBack = kill()
  const killedMs = performance.now()
  try {
    await eventually('it is withdrawn', WITHDRAWN_MS * 2, async () => yes((await offered()) === 1))
  } finally {
    bringBack()
  }
  const withdrawnMs = performance.now() - killedMs
  await eventually('both are offered again', RETURN_MS, async () => yes((await offered()) === 2))
  await pause(500)
  return { counts: await caller.stop(), withdrawnMs }
}

/**
 * Kills a program so that it stays away: `up` would have it back before anybody has noticed that it was gone. Its supervisor sleeps
 * meanwhile, and with it nothing else.
 */
function killForAWhile(...pids: readonly number[]): () => void {
  mesh.program.signal('SIGSTOP')
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  return () => mesh.program.signal('SIGCONT')
}

describe.each([
  { method: 'POST', how: 'without any policy' },
  { method: 'GET', how: 'with a retry policy' },
])('one of two replicas, called with $method $how', ({ method }) => {
  beforeAll(async () => {
    if (method === 'GET') await mesh.apply(retries)
  })

  test('is offered no more within two seconds after its program was killed', async () => {
    const { counts, withdrawnMs } = await killUnderLoad(method, () => killForAWhile(mesh.programOf('shop/hello-2').pid))
    report(`program killed, ${method}`, counts, withdrawnMs)
    expect(withdrawnMs).toBeLessThan(WITHDRAWN_MS)
    judge(method, counts)
  })

  test('is offered no more within two seconds after its program and its sidecar were killed together', async () => {
    const { counts, withdrawnMs } = await killUnderLoad(method, () =>
      killForAWhile(mesh.programOf('shop/hello-2').pid, mesh.sidecar('shop/hello-2').pid),
    )
    report(`program and sidecar killed, ${method}`, counts, withdrawnMs)
    expect(withdrawnMs).toBeLessThan(WITHDRAWN_MS)
    judge(method, counts)
  })
})

describe('a sidecar that is killed', () => {
  test('[FAULT-8] is back within a second where it was, and callers of its service see no failure', async () => {
    const before = mesh.sidecar('shop/hello-2')
    await caller.load({ url: 'http://hello/', perSecond: PER_SECOND })
    await pause(300)
    process.kill(before.pid, 'SIGKILL')
    const killedMs = performance.now()
    await eventually('its ports answer again', RETURN_MS, async () => {
      const { status } = await fetch(`http://127.0.0.1:${before.metrics}/readyz`, { headers: { connection: 'close' } })
      return yes(status === 200)
    })
    const backMs = performance.now() - killedMs
    const slowness = await machineSlowness()
    console.log(
      `sidecar killed: ready again after ${Math.round(backMs)} ms; the machine is ${slowness.toFixed(1)} times as slow as an idle one`,
    )
    expect(backMs).toBeLessThan(BACK_MS * slowness)
    const after = mesh.sidecar('shop/hello-2')
    expect(after.pid).not.toBe(before.pid)
    // By a name of its own: the balancer of the other still remembers the failures, and asks it rarely for a while.
    await eventually('it answers again', RETURN_MS, async () => {
      const { status, head } = await caller.once({ url: 'http://hello-2-alone/' })
      return yes(status === 200 && head['x-answered-by'] === 'hello-2')
    })
    expect(await caller.stop()).toMatchObject({ failed: 0, failures: [] })
    expect(after).toEqual({ ...before, pid: after.pid })
  })
})

/** How much longer an empty Node takes to start than on an idle machine; 1 at least. */
async function machineSlowness(): Promise<number> {
  const startMs = performance.now()
  expect((await run([process.execPath, '-e', '0'])).code).toBe(0)
  return Math.max(1, (performance.now() - startMs) / BARE_START_MS)
}

function judge(method: string, counts: Counts): void {
  expect(counts.done).toBeGreaterThan(PER_SECOND)
  if (method === 'GET') {
    expect(counts).toMatchObject({ failed: 0, failures: [] })
    return
  }
  // What was under way at the dead program may have been done there: it is not sent again, and its caller is told.
  expect(counts.failed).toBeLessThan(PER_SECOND / 3)
  for (const failure of counts.failures) expect(failure).toMatch(/^502 upstream-reset /)
}

function report(what: string, counts: Counts, withdrawnMs: number): void {
  const failures = counts.failed === 0 ? 'no failure' : `${counts.failed} failed: ${counts.failures.join('; ')}`
  console.log(`${what}: withdrawn after ${Math.round(withdrawnMs)} ms; ${counts.done} requests, ${failures}`)
}
