import { afterAll, beforeAll, expect, test } from 'vitest'
import { figures, times } from '../../test/loop/loop.ts'
import { type Caller, callerIn, callerProcess, echoProcess } from '../kit/caller.ts'
import { eventually, pause, yes } from '../kit/eventually.ts'
import { type Mesh, startMesh } from '../kit/mesh.ts'

const ROUNDS = times(1, 20)
const REPLICAS = ['hello-1', 'hello-2'] as const
const PER_SECOND = 200
const RETURN_MS = 20_000
/** Before the next one goes: what has just come back is used again. */
const BETWEEN_MS = 500

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

/** Ends the sidecar of one replica in order, and waits until both are offered again. */
async function restart(
  replica: string,
  drained: boolean,
): Promise<{ readonly drainMs: number; readonly awayMs: number }> {
  const workload = `shop/${replica}`
  const { pid } = mesh.sidecar(workload)
  const beganMs = performance.now()
  if (drained) {
    const { code, stdout, stderr } = await mesh.cli(['drain', workload])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/drained: nothing is under way\n$/)
  }
  const endedMs = performance.now()
  process.kill(pid, 'SIGTERM')
  await eventually('it has been started again', RETURN_MS, () => yes(mesh.sidecar(workload).pid !== pid))
  await eventually('both are offered', RETURN_MS, async () =>
    yes((await mesh.endpoints('shop/caller', 'shop/hello')) === REPLICAS.length),
  )
  return { drainMs: endedMs - beganMs, awayMs: performance.now() - endedMs }
}

// A POST is sent once, or not at all: one that a restart loses is one that its caller sees fail.
test(`[FAULT-9] every sidecar of a service with two replicas is restarted ${ROUNDS} times, in turn: no POST fails`, async context => {
  await caller.load({ url: 'http://hello/?ms=20', method: 'POST', perSecond: PER_SECOND })
  await pause(BETWEEN_MS)
  const away: number[] = []
  let drains = 0
  for (let round = 0; round < ROUNDS; round++) {
    for (const [at, replica] of REPLICAS.entries()) {
      // By SIGTERM alone, and after `selvedge drain`.
      const drained = (round + at) % 2 === 1
      if (drained) drains++
      away.push((await restart(replica, drained)).awayMs)
      await pause(BETWEEN_MS)
    }
  }
  const { done, failed, failures, slowestMs } = await caller.stop()
  const sorted = away.toSorted((a, b) => a - b)
  figures(context, {
    ...{ requests: done, failed, restarts: away.length, drains },
    ...{ slowestMs: Math.round(slowestMs), medianAwayMs: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0) },
  })
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] })
  expect(done).toBeGreaterThan(PER_SECOND)
})
