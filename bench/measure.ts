import { sendLoad } from './load.ts'
import type { BenchOptions } from './options.ts'
import type { Peer, RunningPeer, Scene } from './peers/mod.ts'
import type { Case } from './plan.ts'
import { usageOf } from './proc-stat.ts'
import { medianRow, type Row } from './summary.ts'
import { waitUntilAnswers } from './wait.ts'

/** Before each measurement: connections are made, code is compiled, caches are filled. */
const WARM_UP_SECONDS = 1
/** Once for each peer after its start: a just-in-time compiler is done after some hundred thousand requests. */
const FIRST_WARM_UP = { connections: 32, seconds: 8 }
/** A proxy that answers this share of requests wrongly, or a larger one, has not done the work. */
const FAILED_SHARE_MAX = 0.001

export type Say = (line: string) => void

/** Measures all peers in one topology. All stand at once and take turns, so that what else the machine does hits all alike. */
export async function measureCase(
  one: Case,
  peers: readonly Peer[],
  scene: Scene,
  options: BenchOptions,
  say: Say,
): Promise<Row[]> {
  const standing: { readonly peer: Peer; readonly running: RunningPeer }[] = []
  for (const peer of peers.filter(candidate => candidate.cases.includes(one))) {
    try {
      const running = await peer.start(one, scene)
      await waitUntilAnswers(running.url, running.programs)
      await sendLoad(scene.workspace, running.url, FIRST_WARM_UP)
      standing.push({ peer, running })
    } catch (error) {
      say(`Cannot measure ${peer.name} in ${one}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  const rows: Row[] = []
  for (const connections of options.connections) {
    const rounds = new Map<string, Row[]>()
    for (let round = 1; round <= options.rounds; round++) {
      for (const { peer, running } of standing) {
        const row = await measure(one, peer.name, running, connections, scene, options.seconds)
        rounds.set(peer.name, [...(rounds.get(peer.name) ?? []), row])
        say(
          `${one} ${peer.name} ${connections} connections, round ${round}: ${row.cpuUsPerRequest.toFixed(1)} us/request`,
        )
      }
    }
    rows.push(...[...rounds.values()].map(medianRow))
  }
  for (const program of standing.flatMap(({ running }) => running.programs)) scene.workspace.stop(program)
  return rows
}

async function measure(
  one: Case,
  proxy: string,
  running: RunningPeer,
  connections: number,
  scene: Scene,
  seconds: number,
): Promise<Row> {
  const pids = running.programs.map(program => program.pid)
  await sendLoad(scene.workspace, running.url, { connections, seconds: WARM_UP_SECONDS })
  const before = usageOf(pids)
  const load = await sendLoad(scene.workspace, running.url, { connections, seconds })
  const after = usageOf(pids)
  if (load.requests === 0 || load.failed > load.requests * FAILED_SHARE_MAX) {
    const words = running.programs.map(program => program.output()).join('\n')
    throw new Error(`Cannot measure ${proxy} in ${one}: ${load.failed} of ${load.requests} requests failed. ${words}`)
  }
  const userUs = after.userUs - before.userUs
  const systemUs = after.systemUs - before.systemUs
  return {
    case: one,
    proxy,
    connections,
    rps: Math.round((load.requests * 1e6) / load.durationUs),
    p50Us: load.p50Us,
    p99Us: load.p99Us,
    cpuUsPerRequest: tenths((userUs + systemUs) / load.requests),
    userUsPerRequest: tenths(userUs / load.requests),
    rssMb: tenths(after.rssBytes / 1e6),
  }
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10
}
