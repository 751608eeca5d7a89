import { sendLoad, startConnector } from './load/mod.ts'
import type { BenchOptions } from './options.ts'
import type { Peer, Scene } from './peers/mod.ts'
import { type Case, type Measure, PLANS, type Plan } from './plan.ts'
import { usageOf } from './proc-stat.ts'
import { medianOf, type Sample } from './summary.ts'
import { waitUntilAnswers } from './wait.ts'
import type { Program } from './workspace.ts'

/** Connections are made, code is compiled, caches are filled: with no more connections than a long measurement has. */
const WARM_UP_CONNECTIONS_MAX = 32
/** A proxy that answers this share of requests wrongly, or a larger one, has not done the work. */
const FAILED_SHARE_MAX = 0.001

export type Say = (line: string) => void

export interface Measured {
  readonly samples: readonly Sample[]
  /** Peers that took part and could not be measured, each with its cause. */
  readonly faults: readonly string[]
}

/** A peer that has shown that it answers. */
interface Standing {
  readonly peer: Peer
  readonly origin: string
  /** Whose time counts. */
  readonly programs: readonly Program[]
  /** Those, and what stands before them. */
  readonly all: readonly Program[]
}

/** Measures all peers in one topology. All stand at once and take turns, so that what else the machine does hits all alike. */
export async function measureCase(
  one: Case,
  peers: readonly Peer[],
  scene: Scene,
  options: BenchOptions,
  say: Say,
): Promise<Measured> {
  const plan = PLANS[one]
  const standing: Standing[] = []
  const faults: string[] = []
  const failed = (peer: Peer, error: unknown): void => {
    const fault = `Cannot measure ${peer.name} in ${one}: ${error instanceof Error ? error.message : String(error)}`
    faults.push(fault)
    say(fault)
  }
  for (const peer of peers.filter(({ topologies }) => topologies.includes(plan.topology))) {
    try {
      standing.push(await stand(peer, plan, scene))
    } catch (error) {
      failed(peer, error)
    }
  }

  const samples: Sample[] = []
  for (const measure of plan.measures) {
    for (const connections of options.connections ?? plan.connections) {
      samples.push(...(await takeTurns(standing, measure, connections, scene, options, { say, failed })))
    }
  }
  for (const program of standing.flatMap(({ all }) => all)) scene.workspace.stop(program)
  return { samples, faults }
}

async function stand(peer: Peer, plan: Plan, scene: Scene): Promise<Standing> {
  const { port, programs } = await peer.start(plan.topology, scene)
  const connector = plan.topology === 'inbound' ? await startConnector(scene, peer.name, port) : undefined
  const all = connector === undefined ? programs : [...programs, connector.program]
  const origin = `http://127.0.0.1:${connector?.port ?? port}`
  await waitUntilAnswers(`${origin}/`, plan.topology === 'h2c-hop' ? 'h2c' : 'http/1.1', all)
  const [first] = plan.measures
  const connections = Math.min(WARM_UP_CONNECTIONS_MAX, Math.max(...plan.connections))
  if (first !== undefined)
    await sendLoad(scene.workspace, origin, first.load, { connections, seconds: peer.warmUpSeconds })
  return { peer, origin, programs, all }
}

/** The medians of some rounds. Who fails in one is out, and the others go on. */
async function takeTurns(
  standing: readonly Standing[],
  measure: Measure,
  connections: number,
  scene: Scene,
  { rounds, seconds }: BenchOptions,
  { say, failed }: { readonly say: Say; readonly failed: (peer: Peer, error: unknown) => void },
): Promise<Sample[]> {
  const taken = new Map(standing.map(one => [one, [] as Sample[]]))
  for (let round = 1; round <= rounds; round++) {
    for (const [one, samples] of taken) {
      try {
        const again = () => take(one, measure, connections, scene, seconds)
        // Once more: what else the machine does may take a core away for a second.
        const sample = await again().catch(again)
        samples.push(sample)
        const { cpuUsPerRequest } = sample.row
        say(
          `${measure.name} ${one.peer.name} ${connections} connections, round ${round}: ${cpuUsPerRequest.toFixed(1)} us/request`,
        )
      } catch (error) {
        failed(one.peer, error)
        taken.delete(one)
      }
    }
  }
  return [...taken.values()].map(medianOf)
}

async function take(
  { peer, origin, programs }: Standing,
  { name, load }: Measure,
  connections: number,
  scene: Scene,
  seconds: number,
): Promise<Sample> {
  const pids = programs.map(program => program.pid)
  const before = usageOf(pids)
  const seen = await sendLoad(scene.workspace, origin, load, { connections, seconds })
  const after = usageOf(pids)
  if (seen.requests === 0 || seen.failed > seen.requests * FAILED_SHARE_MAX) {
    const words = programs.map(program => program.output().split('\n').at(-1)).join(' ')
    throw new Error(`${seen.failed} of ${seen.requests} requests failed. ${words}`)
  }
  const userUs = (after.userUs - before.userUs) / seen.requests
  const systemUs = (after.systemUs - before.systemUs) / seen.requests
  const row = {
    case: name,
    proxy: peer.name,
    connections,
    rps: Math.round((seen.requests * 1e6) / seen.durationUs),
    p50Us: seen.p50Us,
    p99Us: seen.p99Us,
    cpuUsPerRequest: tenths(userUs + systemUs),
    rssMb: tenths(after.rssBytes / 1e6),
  }
  return { row, userUsPerRequest: tenths(userUs), systemUsPerRequest: tenths(systemUs) }
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10
}
