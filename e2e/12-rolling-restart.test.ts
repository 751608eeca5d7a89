import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, callerIn, callerProcess, echoProcess } from './kit/caller.ts'
import { eventually, pause, yes } from './kit/eventually.ts'
import { type Mesh, startMesh } from './kit/mesh.ts'

const REPLICAS = ['hello-1', 'hello-2'] as const
const PER_SECOND = 150
const RETURN_MS = 15_000

let mesh: Mesh
let caller: Caller

beforeAll(async () => {
  mesh = await startMesh([...REPLICAS.map(name => echoProcess(name, 'hello')), callerProcess()].join(''))
  caller = await callerIn(mesh)
  await caller.once({ url: 'http://hello/' })
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

/** Asks one process to end, and waits until `up` has started it again and `back` says that it does its work. */
async function restart(pidOf: () => number, back: () => Promise<boolean>): Promise<number> {
  const before = pidOf()
  const askedMs = performance.now()
  process.kill(before, 'SIGTERM')
  await eventually('it has been started again', RETURN_MS, () => yes(pidOf() !== before))
  await eventually('it does its work again', RETURN_MS, async () => yes(await back()))
  return performance.now() - askedMs
}

async function offered(): Promise<boolean> {
  return (await mesh.endpoints('shop/caller', 'shop/hello')) === REPLICAS.length
}

describe('[FAULT-9] under load', () => {
  // A POST is sent once, or not at all: one that a restart loses is one that its caller sees fail.
  test('every sidecar of a service with two replicas is restarted in its turn, and no POST fails', async () => {
    await caller.load({ url: 'http://hello/?ms=20', method: 'POST', perSecond: PER_SECOND })
    await pause(500)
    for (const name of REPLICAS) {
      const tookMs = await restart(() => mesh.sidecar(`shop/${name}`).pid, offered)
      console.log(`the sidecar of ${name} was back after ${Math.round(tookMs)} ms`)
    }
    const counts = await caller.stop()
    expect(counts).toMatchObject({ failed: 0, failures: [] })
    expect(counts.done).toBeGreaterThan(PER_SECOND)
  })

  // A program closes its idle connections as it ends; what its sidecar has just sent on one of them is lost, and has to be sent again.
  test('every program is restarted in its turn, and no POST with an idempotency key fails', async () => {
    const headers = { 'idempotency-key': 'the-same-for-all' }
    await caller.load({ url: 'http://hello/?ms=20', method: 'POST', headers, perSecond: PER_SECOND })
    await pause(500)
    for (const name of REPLICAS) {
      const tookMs = await restart(
        () => mesh.programOf(`shop/${name}`).pid,
        async () => (await offered()) && mesh.answers(`shop/${name}`),
      )
      console.log(`the program ${name} was back after ${Math.round(tookMs)} ms`)
    }
    expect(await caller.stop()).toMatchObject({ failed: 0, failures: [] })
  })

  test('the control plane is restarted, and no POST fails', async () => {
    await caller.load({ url: 'http://hello/?ms=20', method: 'POST', perSecond: PER_SECOND })
    await restart(
      () => mesh.controlPlane().pid,
      async () => (await mesh.fleet()).filter(({ connected }) => connected).length === REPLICAS.length + 1,
    )
    expect(await caller.stop()).toMatchObject({ failed: 0, failures: [] })
  })
})
