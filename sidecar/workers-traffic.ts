import { getCompileCacheDir } from 'node:module'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { err, ok, type Result, type ServiceKey } from '../common/mod.ts'
import type { AddressOwner, SnapshotUpdate } from '../model/snapshot/mod.ts'
import type { SidecarConfig } from './config.ts'
import type { DataPath } from './data-path.ts'
import type { UnderWay } from './drain.ts'
import type { Identity } from './identity/mod.ts'
import { mergeLooks } from './merge-looks.ts'
import { collectGarbage, TICK_MS } from './overload/mod.ts'
import type { PolicySource } from './policy/mod.ts'
import type { OpenedPlaces, WorkerBirth, WorkerQuestions } from './questions.ts'
import { addGrowth, type KeptSpan } from './telemetry/mod.ts'
import type { Traffic, TrafficLook } from './traffic.ts'
import {
  type Crew,
  type FromWorker,
  newBreakerCells,
  newSharedMemory,
  relayedSource,
  SharedMemory,
  startCrew,
  type WorkerThread,
} from './workers/mod.ts'

/** Sources run as they are in a checkout, and compiled in the package. */
const ENTRY = new URL(`./worker-entry${extname(import.meta.filename)}`, import.meta.url)
/** How often what workers have counted is fetched: as often as it is reported. */
const GATHER_MS = 1_000
/** How long the main thread stands still for workers that collect their garbage. Each takes some 50 ms for 100 MB. */
const COLLECT_MS_MAX = 500
/** A worker that has not answered by then hangs: to be started again is all that helps. */
const ALIVE_MS = 5_000
/** A worker whose clock has not moved for longer stands still. Its clock and ours are not in step. */
const TICKS_MISSED_MS = 5 * TICK_MS

const NOTHING: UnderWay = { inbound: 0, outbound: 0, tunnels: 0, applications: 0 }
/** Who does not answer is busy. */
const SILENT: UnderWay = { inbound: 1, outbound: 1, tunnels: 0, applications: 1 }

/** The workers of a sidecar, from their start on. */
export interface Workers {
  readonly memory: SharedMemory
  /** Collects garbage in all threads. Returns when it is done, or has taken too long. */
  collect(): void
  /** How much of the last ten seconds the worst of them lost to stalls. */
  stalledMs(): number
  /** Has them listen, and carry what comes. */
  open(parts: OpenParts): Promise<Result<WorkersTraffic, string>>
  end(): Promise<void>
}

interface OpenParts {
  readonly identity: Identity
  /** Of the main thread, which carries nothing itself: its policy, and the sums. */
  readonly path: DataPath
  /** Lines of their logs. */
  write(kind: 'log' | 'access', lines: string): void
  exportSpans(spans: readonly KeptSpan[]): void
  /** Whether the source of the policy can answer now. */
  connected(): boolean
  /** A request wants a service that no worker knows. */
  want(service: ServiceKey): void
  /** Whose an IP address is, which no worker knows. */
  findOwner(address: string, found: (owner: AddressOwner) => void): void
  readonly strain: { readonly refusesRequests: boolean; readonly refusesConnections: boolean }
}

export interface WorkersTraffic extends Traffic {
  /** The same source, whose updates are in force when the last worker has applied them. */
  relayed(source: PolicySource): PolicySource
}

/**
 * Starts the threads; they load what they need meanwhile. `died` hears of the first that ends by itself: what it carried is lost, and its
 * share of what comes would be, so the sidecar has to end.
 */
export function startWorkers(
  config: SidecarConfig,
  died: (worker: number, why: Error) => void,
): Result<Workers, string> {
  const buffers = newSharedMemory(config.workers)
  const memory = new SharedMemory(buffers)
  const threads: Worker[] = []
  for (let worker = 0; worker < config.workers; worker++) {
    const birth: WorkerBirth = { config, worker, memory: buffers, compileCache: getCompileCacheDir() !== undefined }
    try {
      threads.push(new Worker(ENTRY, { workerData: birth, name: `worker ${worker}` }))
    } catch (error) {
      for (const thread of threads) void thread.terminate()
      const why = error instanceof Error ? error.message : String(error)
      return err(`Cannot start worker ${worker + 1} of ${config.workers}: ${why}. Try fewer with --workers.`)
    }
  }
  return ok(workersOf(threads, memory, died))
}

function workersOf(
  threads: readonly WorkerThread[],
  memory: SharedMemory,
  died: (worker: number, why: Error) => void,
): Workers {
  let heard: (message: Exclude<FromWorker, { kind: 'answer' }>) => void = () => undefined
  const crew = startCrew<WorkerQuestions>({ threads, died, heard: message => heard(message) })
  const clocks = threads.map(() => ({ ticks: -1, movedMs: performance.now() }))
  return {
    memory,
    collect: () => {
      const before = memory.collected
      crew.tellAll('collect', undefined)
      collectGarbage()
      memory.awaitCollected(before + crew.size, COLLECT_MS_MAX)
    },
    stalledMs: () => {
      const now = performance.now()
      let worstMs = 0
      clocks.forEach((clock, worker) => {
        const ticks = memory.ticks(worker)
        if (ticks !== clock.ticks) Object.assign(clock, { ticks, movedMs: now })
        const quietMs = now - clock.movedMs
        worstMs = Math.max(worstMs, memory.stalledMs(worker), quietMs > TICKS_MISSED_MS ? quietMs : 0)
      })
      return worstMs
    },
    open: async parts => {
      heard = message => take(message, parts, crew)
      const opened = await openPlaces(crew, parts)
      return opened.ok ? ok(carriedByCrew(crew, memory, parts, opened.value)) : opened
    },
    end: () => crew.end(),
  }
}

function take(
  message: Exclude<FromWorker, { kind: 'answer' }>,
  parts: OpenParts,
  crew: Pick<Crew<WorkerQuestions>, 'tellAll'>,
): void {
  switch (message.kind) {
    case 'want':
      for (const service of message.services) parts.want(service)
      return
    case 'address': {
      const { address } = message
      parts.findOwner(address, owner => crew.tellAll('owner', { address, owner }))
      return
    }
    case 'hint':
      parts.path.around.hint()
      return
    case 'growth':
      addGrowth(parts.path.instruments, message.growth)
      parts.path.tracer.adopt(message.spans, message.dropped)
      return
    case 'export':
      parts.exportSpans(message.spans)
      return
    case 'log':
    case 'access':
      parts.write(message.kind, message.lines)
  }
}

/** The first finds the ports, and makes sure that they are free; then the others come in. */
async function openPlaces(crew: Crew<WorkerQuestions>, { identity }: OpenParts): Promise<Result<OpenedPlaces, string>> {
  const svid = identity.current()
  const first = await crew.ask(0, 'open', { svid, ports: undefined, sharing: 'first' }, Number.POSITIVE_INFINITY)
  if (first === undefined) return err('Cannot open the doors: the sidecar ends.')
  if (!first.ok) return first
  const { ports } = first.value
  for (let worker = 1; worker < crew.size; worker++) {
    const next = await crew.ask(worker, 'open', { svid, ports, sharing: 'next' }, Number.POSITIVE_INFINITY)
    if (next !== undefined && !next.ok) return next
  }
  const now = identity.current()
  if (now !== svid) crew.tellAll('renew', now)
  return first
}

function carriedByCrew(
  crew: Crew<WorkerQuestions>,
  memory: SharedMemory,
  { identity, path, connected, strain }: OpenParts,
  { ports, listeners }: OpenedPlaces,
): WorkersTraffic {
  /** Shared cells of the Services that are held. */
  const cells = new Map<ServiceKey, SharedArrayBuffer>()
  const cellsOf = (key: ServiceKey): SharedArrayBuffer => {
    const known = cells.get(key) ?? newBreakerCells(crew.size)
    cells.set(key, known)
    return known
  }
  let relaying: Promise<void> = Promise.resolve()
  const looks: (TrafficLook | undefined)[] = []
  const stopTending = path.tend(undefined)
  const stopRenewing = identity.onChange(svid => crew.tellAll('renew', svid))
  const gathering = setInterval(() => crew.tellAll('gather', undefined), GATHER_MS)
  const telling = setInterval(tell, TICK_MS)

  function tell(): void {
    memory.setFlag('connected', connected())
    memory.setFlag('refusesRequests', strain.refusesRequests)
    memory.setFlag('refusesConnections', strain.refusesConnections)
  }

  /** Resolves when the last worker has put it in force. */
  function relay(update: SnapshotUpdate): Promise<void> {
    tell()
    for (const key of update.absent) cells.delete(key)
    const shared = new Map(update.services.map(({ key }) => [key, cellsOf(key)]))
    relaying = crew.askAll('apply', { update, cells: shared }, Number.POSITIVE_INFINITY).then(() => undefined)
    return relaying
  }

  return {
    ports,
    listeners,
    set: around => {
      Object.assign(path.around, around)
      crew.tellAll('set', around)
    },
    underWay: async () => {
      const each = await crew.askAll('underWay', undefined)
      return each.reduce<UnderWay>((sum, one = SILENT) => addUp(sum, one), NOTHING)
    },
    alive: async () => !(await crew.askAll('underWay', undefined, ALIVE_MS)).includes(undefined),
    endTunnels: () => crew.tellAll('endTunnels', undefined),
    look: async () => {
      const now = await crew.askAll('look', undefined)
      now.forEach((look, worker) => {
        looks[worker] = look ?? looks[worker]
      })
      const merged = mergeLooks(
        looks.filter(look => look !== undefined),
        key => path.policy.serviceOf(key as ServiceKey)?.snapshot.traffic.breaker,
      )
      Object.assign(path.instruments, merged.gauges)
      return merged
    },
    settled: () => relaying,
    unused: async forMs => {
      const lists = await crew.askAll('unused', forMs)
      const own = path.policy.unused(performance.now() - forMs, key => path.destinations.isBusy(key))
      const sets = lists.map(list => new Set(list))
      return own.filter(key => sets.every(set => set.has(key)))
    },
    forget: services => {
      for (const key of services) cells.delete(key)
      crew.tellAll('forget', services)
    },
    closeIdle: () => crew.tellAll('closeIdle', undefined),
    relayed: source => relayedSource(source, relay),
    close: async () => {
      clearInterval(gathering)
      clearInterval(telling)
      stopRenewing()
      stopTending()
      await crew.askAll('close', undefined)
      await crew.end()
      path.close()
    },
  }
}

function addUp(a: UnderWay, b: UnderWay): UnderWay {
  return {
    inbound: a.inbound + b.inbound,
    outbound: a.outbound + b.outbound,
    tunnels: a.tunnels + b.tunnels,
    applications: a.applications + b.applications,
  }
}
