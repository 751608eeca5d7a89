import { dirname, join, resolve } from 'node:path'
import { systemClock, systemRandom } from '../../common/mod.ts'
import {
  CliFailure,
  count,
  edgeTableLines,
  isAlive,
  MeshApi,
  messageOf,
  onStderr,
  percent,
  readContext,
  removeContext,
  Screen,
  type Terminal,
  writeContext,
} from '../mod.ts'
import {
  type ControlPlaneFacts,
  type ControlPlanePorts,
  controlPlaneFacts,
  superviseControlPlane,
} from './control-plane.ts'
import { type Guard, startGuard } from './guard.ts'
import { assembleMesh, type Mesh, memberNames } from './mesh.ts'
import type { MeshFile } from './mesh-file.ts'
import { type Output, outputOn } from './output.ts'
import { freePorts, isFree } from './ports.ts'
import { waitForWorkloads } from './readiness.ts'
import { type Summary, summarize } from './summary.ts'
import { type Supervised, type SupervisionWorld, systemWorld } from './supervised.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'
import { inTime, pause } from './waiting.ts'

export interface UpOptions {
  readonly mesh: MeshFile
  /** Where relative working directories are seen from. */
  readonly folder: string
  /** How long the mesh runs once it is ready, in milliseconds; `undefined`: until it is told to end. */
  readonly forMs: number | undefined
  /** `undefined`: a fresh one, removed at the end. */
  readonly dataDir: string | undefined
  /** The ports to try first; where one is taken, a free one is used. */
  readonly ports: ControlPlanePorts
  /** stdout carries the summary alone, as one line of JSON. */
  readonly json: boolean
  readonly verbose: boolean
  readonly contextFile: string
  readonly selvedge: readonly [string, string]
  readonly inherited: Readonly<Record<string, string | undefined>>
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly stop: AbortSignal
  /** Aborted by the second Ctrl-C: end at once. */
  readonly stopNow: AbortSignal
}

/** Until everything that starts must be ready. */
const READY_TIMEOUT_MS = 20_000
const TABLE_INTERACTIVE_MS = 1_000
const TABLE_PLAIN_MS = 5_000
/** What the live table looks back on. */
const TABLE_WINDOW_MS = 10_000
const CONTROL_PLANE_GRACE_MS = 350

/** Runs a whole mesh on this machine until it is told to end, or its time is over. Leaves no process behind. */
export async function runUp(options: UpOptions, terminal: Terminal): Promise<void> {
  const shown = options.json ? onStderr(terminal) : terminal
  const screen = new Screen(shown)
  const output = outputOn(screen, {
    names: ['control-plane', ...memberNames([...options.mesh.servers, ...options.mesh.clients])],
    colour: shown.colour,
    verbose: options.verbose,
  })
  const temporaryDir = options.dataDir === undefined ? makeTemporaryFolder('name a folder with --data-dir') : ''
  const guard = startGuard(temporaryDir)
  const running = new Running(options, output, guard, systemWorld(systemClock))
  try {
    await running.start(options.dataDir ?? temporaryDir)
    if (!options.stop.aborted) await showTraffic(running, screen, options, shown.interactive)
    const summary = await running.summary()
    screen.release()
    await running.stop()
    if (options.json) terminal.out(`${JSON.stringify(summary)}\n`)
    else screen.line(summaryText(summary))
  } finally {
    await running.stop()
    guard.close()
  }
}

/** What has been started so far, in the order in which it must end. */
class Running {
  readonly #options: UpOptions
  readonly #output: Output
  readonly #guard: Guard
  readonly #world: SupervisionWorld
  #controlPlane: Supervised | undefined
  #api: MeshApi | undefined
  #mesh: Mesh | undefined
  #contextFile: string
  #stopping: Promise<void> | undefined

  constructor(options: UpOptions, output: Output, guard: Guard, world: SupervisionWorld) {
    this.#options = options
    this.#contextFile = options.contextFile
    this.#output = output
    this.#guard = guard
    this.#world = world
  }

  get api(): MeshApi | undefined {
    return this.#api
  }

  /** Starts everything, in order. Returns early when it is told to stop meanwhile. */
  async start(dataDir: string): Promise<void> {
    const { stop, mesh: file, selvedge, inherited, folder, verbose } = this.#options
    const beganMs = this.#world.clock.nowMs()
    const facts = await this.#startControlPlane(dataDir)
    if (facts === undefined) return
    const api = new MeshApi({ url: facts.rest, token: facts.token })
    this.#api = api
    const stateDir = join(resolve(dataDir), 'sidecars')
    this.#leaveContext(facts, stateDir)
    if (file.resources.length > 0) {
      const applied = await api.apply(file.resources)
      for (const warning of applied.warnings) this.#output.tell(`warning: ${warning}`)
    }
    const around = { api, addresses: facts, guard: this.#guard, output: this.#output, world: this.#world }
    const mesh = await assembleMesh(file, { ...around, stateDir, selvedge, inherited, folder, verbose }, systemRandom)
    this.#mesh = mesh
    await this.#startPrograms(mesh, api)
    if (stop.aborted) return
    const seconds = ((this.#world.clock.nowMs() - beganMs) / 1000).toFixed(1)
    const programs =
      mesh.members.length === 0
        ? 'no program, because the file holds no Process'
        : `${count(mesh.members.length, 'program')}, each with its sidecar`
    this.#output.tell(`the mesh is ready after ${seconds} s: ${programs}; API ${facts.rest}`)
  }

  async summary(): Promise<Summary> {
    if (this.#api === undefined) return summarize([], 0)
    try {
      const [graph, fleet] = await Promise.all([this.#api.graph(0), this.#api.fleet()])
      return summarize(graph.edges, fleet.sidecars.filter(({ connected }) => connected).length)
    } catch (thrown) {
      this.#output.tell(`Cannot sum up: ${messageOf(thrown)}`)
      return summarize([], 0)
    }
  }

  /** Ends everything, in order. Called twice, it is done once. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const kill = (): void => {
      this.#mesh?.kill()
      this.#controlPlane?.kill()
    }
    this.#options.stopNow.addEventListener('abort', kill)
    removeContext(this.#contextFile, process.pid)
    await this.#mesh?.stop()
    await this.#controlPlane?.stop(CONTROL_PLANE_GRACE_MS)
    await this.#api?.close()
    this.#options.stopNow.removeEventListener('abort', kill)
  }

  async #startControlPlane(dataDir: string): Promise<ControlPlaneFacts | undefined> {
    const { selvedge, inherited, verbose, stop } = this.#options
    const ports = await choosePorts(this.#options.ports, this.#output)
    const shared = { selvedge, inherited, verbose, guard: this.#guard, output: this.#output }
    const controlPlane = superviseControlPlane({ dataDir, ports, ...shared }, this.#world)
    this.#controlPlane = controlPlane
    const started = controlPlane.start()
    try {
      const ready = await inTime(started, READY_TIMEOUT_MS, stop)
      if (stop.aborted) return undefined
      if (!ready) throw new Error(`the control plane is not ready after ${READY_TIMEOUT_MS / 1000} s`)
      return controlPlaneFacts(await started)
    } catch (thrown) {
      throw new CliFailure(`Cannot start the mesh: ${messageOf(thrown)}; --verbose shows its log`)
    }
  }

  /** Servers first. The clients' sidecars come up beside them; the clients' programs wait until every server is offered to callers. */
  async #startPrograms(mesh: Mesh, api: MeshApi): Promise<void> {
    const clientSidecars = mesh.clients.map(member => member.startSidecar())
    const servers = mesh.servers.map(async member => {
      await member.startSidecar()
      await member.startProgram()
    })
    const { stop } = this.#options
    const sidecarsReady = await inTime(Promise.all([...servers, ...clientSidecars]), READY_TIMEOUT_MS, stop)
    if (stop.aborted) return
    const workloads = mesh.servers.map(({ workload }) => workload)
    const timeoutMs = sidecarsReady ? READY_TIMEOUT_MS : 0
    const world = { nowMs: this.#world.clock.nowMs, pause: (ms: number) => pause(ms, stop) }
    const missing = await waitForWorkloads(api, workloads, timeoutMs, world, stop)
    if (stop.aborted) return
    if (missing.length > 0) {
      this.#output.tell(`not ready after ${READY_TIMEOUT_MS / 1000} s: ${missing.join(', ')}; going on without`)
    }
    // Not awaited: a client that cannot be started is restarted, and says so.
    for (const client of mesh.clients) void client.startProgram()
  }

  /** One file for one mesh: where another `up` lives, ours lies beside its file and says so. */
  #leaveContext({ rest, token, discovery, enrolment }: ControlPlaneFacts, sidecars: string): void {
    const wanted = this.#options.contextFile
    const held = readContext(wanted)
    const owner = held.ok ? held.value?.pid : undefined
    if (owner !== undefined && owner !== process.pid && isAlive(owner)) {
      this.#contextFile = join(dirname(wanted), `context-${process.pid}.json`)
      this.#output.tell(
        `another "selvedge up" (process ${owner}) has ${wanted}; for this mesh use --context ${this.#contextFile}`,
      )
    }
    writeContext(this.#contextFile, { server: rest, token, discovery, enrolment, sidecars, pid: process.pid })
  }
}

/** The ports that were asked for, or free ones in the place of those that are taken; says so in one line. */
async function choosePorts(wanted: ControlPlanePorts, output: Output): Promise<ControlPlanePorts> {
  const names = ['rest', 'enrolment', 'discovery', 'metrics'] as const
  const replaced: (typeof names)[number][] = []
  for (const name of names) if (wanted[name] === 0 || !(await isFree(wanted[name]))) replaced.push(name)
  const free = await freePorts(replaced.length, systemRandom)
  const instead = Object.fromEntries(replaced.map((name, i) => [name, free[i] ?? 0]))
  const taken = replaced.filter(name => wanted[name] !== 0)
  const words = taken.map(name => `${name} on ${instead[name]} instead of ${wanted[name]}`)
  if (words.length > 0) output.tell(`some ports are taken: ${words.join(', ')}`)
  return { ...wanted, ...instead }
}

/** The live table, until the mesh is told to end or its time is over. */
async function showTraffic(running: Running, screen: Screen, options: UpOptions, interactive: boolean): Promise<void> {
  const everyMs = interactive ? TABLE_INTERACTIVE_MS : TABLE_PLAIN_MS
  const endMs = options.forMs === undefined ? Number.POSITIVE_INFINITY : systemClock.nowMs() + options.forMs
  for (;;) {
    await pause(Math.min(everyMs, Math.max(0, endMs - systemClock.nowMs())), options.stop)
    if (options.stop.aborted || systemClock.nowMs() >= endMs) return
    // While the control plane is away there is nothing to show; its restart is told elsewhere.
    const graph = await running.api?.graph(TABLE_WINDOW_MS).catch(() => undefined)
    if (graph !== undefined && graph.edges.length > 0) screen.table(edgeTableLines(graph.edges))
  }
}

function summaryText({ requests, successRate, mtlsRate, sidecars, edges }: Summary): string {
  if (requests === 0) return `all has ended: no request was carried, ${count(sidecars, 'sidecar')}`
  const rates = `${percent(successRate)} successful, ${percent(mtlsRate)} over mTLS`
  return `all has ended: ${count(requests, 'request')} on ${count(edges.length, 'edge')}, ${rates}, ${count(sidecars, 'sidecar')}`
}
