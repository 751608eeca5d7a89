import { afterAll, beforeAll, expect, test } from 'vitest'
import { figures, times } from '../../test/loop/loop.ts'
import { type Caller, callerIn, callerProcess, echoProcess } from '../kit/caller.ts'
import { eventually, pause, yes } from '../kit/eventually.ts'
import { type Mesh, startMesh } from '../kit/mesh.ts'

const ROUNDS = times(2, 20)
const REPLICAS = ['hello-1', 'hello-2'] as const
const PER_SECOND = 200
/** Some are always under way at whatever is killed. */
const TAKES_MS = 10
const RETURN_MS = 20_000
/** Before the next kill: what has just come back is used again. */
const BETWEEN_MS = 500

let mesh: Mesh
let caller: Caller

beforeAll(async () => {
  const alone = (name: string): string => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}-alone, namespace: shop }
spec: { selector: { app: hello, version: ${name} }, ports: [{ port: 80, targetPort: http, appProtocol: http }] }
`
  mesh = await startMesh(
    [...REPLICAS.map(name => echoProcess(name, 'hello')), ...REPLICAS.map(alone), callerProcess()].join(''),
  )
  caller = await callerIn(mesh)
  await caller.once({ url: 'http://hello/' })
  for (const name of REPLICAS) await caller.once({ url: `http://${name}-alone/` })
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

interface Victim {
  readonly name: string
  pid(): number
  /** Whether what was killed does its work again. */
  back(): Promise<boolean>
}

const controlPlane: Victim = {
  name: 'control plane',
  pid: () => mesh.controlPlane().pid,
  back: async () => (await mesh.fleet()).filter(({ connected }) => connected).length === REPLICAS.length + 1,
}

const sidecarOf = (replica: string): Victim => ({
  name: `sidecar of ${replica}`,
  pid: () => mesh.sidecar(`shop/${replica}`).pid,
  back: () => serves(replica),
})

const programOf = (replica: string): Victim => ({
  name: `program ${replica}`,
  pid: () => mesh.programOf(`shop/${replica}`).pid,
  back: async () => (await mesh.answers(`shop/${replica}`)) && (await serves(replica)),
})

/** Through the mesh, from the caller. By a name of its own: the balancer of the other remembers failures for a while. */
async function serves(replica: string): Promise<boolean> {
  const { status, head } = await caller.once({ url: `http://${replica}-alone/` })
  return status === 200 && head['x-answered-by'] === replica
}

/** SIGKILL; returns how long it took until the work was done again. */
async function kill(victim: Victim): Promise<number> {
  const pid = victim.pid()
  const killedMs = performance.now()
  process.kill(pid, 'SIGKILL')
  await eventually(`another ${victim.name}`, RETURN_MS, () => yes(victim.pid() !== pid))
  await eventually(`the ${victim.name} does its work again`, RETURN_MS, async () => yes(await victim.back()))
  return performance.now() - killedMs
}

test(`[FAULT-8] control plane, sidecars and replicas killed ${ROUNDS} times each in turn: no idempotent request fails`, async context => {
  const backMs: Record<string, number[]> = { control: [], sidecar: [], program: [] }
  const failures: string[] = []
  let requests = 0
  for (let round = 0; round < ROUNDS; round++) {
    const replica = REPLICAS[round % REPLICAS.length]!
    for (const victim of [controlPlane, sidecarOf(replica), programOf(replica)]) {
      await caller.load({ url: `http://hello/?ms=${TAKES_MS}`, perSecond: PER_SECOND })
      await pause(BETWEEN_MS)
      const tookMs = await kill(victim)
      await eventually('both replicas are offered', RETURN_MS, async () =>
        yes((await mesh.endpoints('shop/caller', 'shop/hello')) === REPLICAS.length),
      )
      await pause(BETWEEN_MS)
      const counts = await caller.stop()
      requests += counts.done
      backMs[victim.name.split(' ')[0]!]!.push(tookMs)
      if (counts.failed > 0) {
        failures.push(`round ${round}, ${victim.name}: ${counts.failed} failed: ${counts.failures.join('; ')}`)
      }
      console.log(
        `round ${round + 1} of ${ROUNDS}, ${victim.name}: back after ${Math.round(tookMs)} ms, ${counts.failed} of ${counts.done} failed`,
      )
    }
  }
  const medianMs = (name: string): number => backMs[name]!.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!
  figures(context, {
    killsOfEach: ROUNDS,
    requests,
    kindsOfKillsWithFailures: failures.length,
    controlPlaneBackMedianMs: medianMs('control'),
    sidecarBackBestMs: Math.min(...backMs.sidecar!),
    sidecarBackMedianMs: medianMs('sidecar'),
    programBackMedianMs: medianMs('program'),
  })
  expect(failures).toEqual([])
})
