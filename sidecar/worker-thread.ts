import { err, ok, systemClock, systemRandom } from '../common/mod.ts'
import { BreakerState } from '../decide/breaker/mod.ts'
import type { SidecarConfig } from './config.ts'
import { assembleDataPath, type DataPath } from './data-path.ts'
import { type Doors, openDoors } from './doors.ts'
import { type IdentityCell, identityCell } from './identity/mod.ts'
import { type Handed, handedAccessLog, handedLog } from './log.ts'
import { collectGarbage, LoopDelay, ownHeap, TICK_MS } from './overload/mod.ts'
import type { OpenedPlaces, Opening, WorkerBirth, WorkerQuestions } from './questions.ts'
import { GrowthWatch, type KeptSpan } from './telemetry/mod.ts'
import { lookAt, setAround, underWayIn } from './traffic.ts'
import { type Answers, AskedSource, SharedBreaker, SharedMemory, serve, type ThreadPort } from './workers/mod.ts'

/** Spans for the collector that are handed on together. */
const EXPORT_SPANS = 64
/** Memory is told with each third tick, as often as the main thread looks. */
const TICKS_PER_HEAP = 3

/** A worker: carries traffic as long as the main thread wants it to, and keeps nothing that the sidecar has once. */
export function carryTraffic(birth: WorkerBirth, port: ThreadPort): void {
  const state: { carrying: Carrying | undefined } = { carrying: undefined }
  const { nowMs } = systemClock
  const open = async (opening: Opening) => {
    const opened = await begin(birth, port, opening)
    if (!opened.ok) return opened
    state.carrying = opened.value
    const { ports, listeners } = opened.value.doors
    return ok<OpenedPlaces>({ ports, listeners })
  }
  /** Only after it has opened is anything else asked of it. */
  const carrying = (): Carrying => {
    if (state.carrying === undefined)
      throw new Error('a worker was asked to carry traffic before it had opened its doors')
    return state.carrying
  }
  serve<WorkerQuestions>(port, {
    open,
    apply: update => {
      const applied = carrying().source.apply(update)
      // The main thread has just found it good, by the same code.
      if (!applied.ok) throw new Error(`a worker refused what was found good: ${JSON.stringify(applied.error)}`)
      return undefined
    },
    set: around => {
      const { path, doors } = carrying()
      setAround(path, doors, around)
      return undefined
    },
    owner: ({ address, owner }) => {
      carrying().source.foundOwner(address, owner)
      return undefined
    },
    renew: svid => carrying().identity.replace(svid),
    forget: services => carrying().path.policy.forget(services, 0),
    collect: () => {
      collectGarbage()
      carrying().memory.tellHeap(birth.worker, ownHeap())
      carrying().memory.tellCollected()
      return undefined
    },
    closeIdle: () => carrying().path.protection.closeIdle(),
    gather: () => carrying().gather(),
    look: () => {
      const { gather, path, doors, loop } = carrying()
      gather()
      return lookAt(path, doors, loop, nowMs())
    },
    underWay: () => underWayIn(carrying().path, carrying().doors),
    endTunnels: () => void carrying().path.tunnels.endAll(),
    unused: forMs => {
      const { policy, destinations } = carrying().path
      return policy.unused(nowMs() - forMs, key => destinations.isBusy(key))
    },
    close: () => state.carrying?.close(),
  } satisfies Answers<WorkerQuestions>)
}

/** A worker with its doors open. */
interface Carrying {
  readonly path: DataPath
  readonly doors: Doors
  readonly identity: IdentityCell
  readonly source: AskedSource
  readonly memory: SharedMemory
  readonly loop: LoopDelay
  gather(): undefined
  close(): Promise<void>
}

async function begin(birth: WorkerBirth, port: ThreadPort, { svid, ports, sharing }: Opening) {
  const { worker } = birth
  const config = ports === undefined ? birth.config : listeningAt(birth.config, ports)
  const memory = new SharedMemory(birth.memory)
  const identity = identityCell(svid, () => undefined)
  const strain = { refusesConnections: false, refusesRequests: false }
  const { nowMs } = systemClock
  const loop = new LoopDelay(TICK_MS, nowMs())
  const ticking = tick({ worker, memory, strain, loop })
  const source = new AskedSource({
    place: { worker, workers: memory.workers },
    want: services => port.postMessage({ kind: 'want', services }),
    askAddress: address => port.postMessage({ kind: 'address', address }),
    connected: () => memory.flag('connected'),
    nowMs,
  })
  const exported: KeptSpan[] = []
  const handExported = (): void => {
    if (exported.length > 0) port.postMessage({ kind: 'export', spans: exported.splice(0) })
  }
  const handed: Handed = { worker, hand: (kind, lines) => port.postMessage({ kind, lines }) }
  const access = handedAccessLog(config.workload, handed)
  const path = assembleDataPath({
    ...{ config, identity, strain, access: access.log },
    ...{ clock: systemClock, random: systemRandom, log: handedLog(config.logLevel, config.workload, handed) },
    elsewhere: {
      accepted: direction => memory.connectionsBeside(worker, direction),
      made: () => memory.connectionsBeside(worker, 'made'),
      tell: (inbound, outbound, made) => memory.tellConnections(worker, inbound, outbound, made),
    },
    breakerOf: key => {
      const cells = key === undefined ? undefined : source.cells.get(key)
      return cells === undefined ? new BreakerState() : new SharedBreaker(cells, worker)
    },
    exporter: policy => ({
      get wanted() {
        return policy.self?.mesh.traceCollector !== undefined
      },
      add: span => {
        if (exported.push(span) >= EXPORT_SPANS) handExported()
      },
    }),
  })
  path.around.hint = () => port.postMessage({ kind: 'hint' })
  const doors = await openDoors({
    ...path,
    config,
    identity,
    sharing,
    clock: systemClock,
    draining: () => path.around.draining,
  })
  if (!doors.ok) return err(doors.error)
  path.policy.follow(source)
  const stopTending = path.tend(doors.value)
  const growth = new GrowthWatch(path.instruments)
  const gather = (): undefined => {
    handExported()
    const dropped = path.tracer.dropped
    path.tracer.dropped = 0
    port.postMessage({ kind: 'growth', growth: growth.take(), spans: path.tracer.take(), dropped })
  }
  const close = async (): Promise<void> => {
    clearInterval(ticking)
    stopTending()
    await doors.value.close()
    path.close()
    gather()
    access.close()
  }
  return ok<Carrying>({ path, doors: doors.value, identity, source, memory, loop, gather, close })
}

/** Where the first worker listens already. */
function listeningAt(config: SidecarConfig, { outbound, inbound, gateways }: OpenedPlaces['ports']): SidecarConfig {
  return {
    ...config,
    ports: { ...config.ports, outbound, inbound },
    gateways: config.gateways.map((gateway, i) => ({ ...gateway, port: gateways[i] ?? gateway.port })),
  }
}

interface Ticking {
  readonly worker: number
  readonly memory: SharedMemory
  readonly strain: { refusesConnections: boolean; refusesRequests: boolean }
  readonly loop: LoopDelay
}

/** Tells how this thread fares, and hears how the sidecar does: what each request reads is a field of this thread's own. */
function tick({ worker, memory, strain, loop }: Ticking): NodeJS.Timeout {
  let ticks = 0
  memory.tellHeap(worker, ownHeap())
  return setInterval(() => {
    const now = systemClock.nowMs()
    loop.tick(now)
    memory.tellTick(worker, ++ticks, loop.stalledMs(now))
    if (ticks % TICKS_PER_HEAP === 0) memory.tellHeap(worker, ownHeap())
    strain.refusesConnections = memory.flag('refusesConnections')
    strain.refusesRequests = memory.flag('refusesRequests')
  }, TICK_MS)
}
