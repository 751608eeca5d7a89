// `npm run bench`: this sidecar and its peers in the same topologies, side by side. See README.md for how to read it.
import { availableParallelism } from 'node:os'
import { startBackend } from './backend.ts'
import { makeCertificates } from './certificates.ts'
import { missingTools } from './load/mod.ts'
import { type Measured, measureCase } from './measure.ts'
import { type BenchOptions, parseOptions, USAGE } from './options.ts'
import { PEERS, type Peer, type Scene } from './peers/mod.ts'
import { formatTable } from './report.ts'
import { reportOf } from './summary.ts'
import { Workspace } from './workspace.ts'

// Progress goes to stderr: stdout belongs to the result.
const say = (line: string) => console.error(line)

const options = parseOptions(process.argv.slice(2))
if (options === 'help') {
  console.log(USAGE)
} else if ('fault' in options) {
  say(`Cannot read the options: ${options.fault}. See npm run bench -- --help`)
  process.exitCode = 2
} else {
  await bench(options)
}

async function bench(wish: BenchOptions): Promise<void> {
  const unknown = wish.peers.filter(name => !PEERS.some(peer => peer.name === name))
  if (unknown.length > 0) {
    say(`Cannot measure ${unknown.join(', ')}: known are ${PEERS.map(peer => peer.name).join(', ')}`)
    process.exitCode = 2
    return
  }
  const missing = missingTools(wish.cases)
  if (missing !== undefined) {
    say(missing)
    process.exitCode = 1
    return
  }
  if (availableParallelism() < 2)
    say('This machine has one core: proxies and load share it, so read the ratios with care.')

  const workspace = new Workspace()
  let interrupted = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      interrupted = true
      void workspace.close().then(() => process.exit(130))
    })
  }
  try {
    const scene = {
      workspace,
      certificates: makeCertificates(workspace),
      backend: await startBackend(workspace),
    }
    const { samples, faults } = await measureAll(scene, present(wish), wish)
    console.log(wish.output === 'json' ? JSON.stringify(reportOf(samples)) : formatTable(samples))
    // Between all that was measured, a fault is easily overlooked: it is said again at the end.
    for (const fault of faults) say(fault)
    if (samples.length === 0 || faults.length > 0) process.exitCode = 1
  } catch (error) {
    // What we have ended ourselves has no cause worth telling.
    if (!interrupted) say(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  } finally {
    await workspace.close()
  }
}

/** Those that take part; each that is missing says so once. */
function present(wish: BenchOptions): Peer[] {
  const wanted = PEERS.filter(peer =>
    wish.peers.length === 0 ? peer.onlyWhenNamed !== true : wish.peers.includes(peer.name),
  )
  const words = new Set(wanted.map(peer => peer.missing()).filter(word => word !== undefined))
  for (const word of words) say(word)
  return wanted.filter(peer => peer.missing() === undefined)
}

async function measureAll(scene: Scene, peers: readonly Peer[], wish: BenchOptions): Promise<Measured> {
  const all: Measured[] = []
  for (const one of wish.cases) all.push(await measureCase(one, peers, scene, wish, say))
  return { samples: all.flatMap(({ samples }) => samples), faults: all.flatMap(({ faults }) => faults) }
}
