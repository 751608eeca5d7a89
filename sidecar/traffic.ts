import type { ServiceKey } from '../common/mod.ts'
import type { DataPath, Surroundings } from './data-path.ts'
import type { Doors } from './doors.ts'
import type { UnderWay } from './drain.ts'
import type { Destinations } from './outbound/mod.ts'
import type { LoopDelay, Refusals } from './overload/mod.ts'
import type { Gauges } from './telemetry/mod.ts'

export type DestinationView = ReturnType<Destinations['view']> extends Generator<infer View> ? View : never

/** What people and metrics are told of it, besides what it has counted. Plain, so that a thread can hand it to another. */
export interface TrafficLook {
  readonly destinations: readonly DestinationView[]
  readonly loopDelay: Pick<LoopDelay, 'counts' | 'sumMs' | 'count'>
  readonly refusedConnections: readonly (typeof Refusals.prototype.counts extends Map<string, infer Count>
    ? Count
    : never)[]
  readonly gauges: Gauges
}

/** What those who carry it are told of the sidecar around them. */
export type AroundTraffic = Partial<Omit<Surroundings, 'hint'>>

/** The traffic of a sidecar, as the rest of it sees it: carried by this thread, or by others. */
export interface Traffic {
  readonly ports: Doors['ports']
  readonly listeners: Doors['listeners']
  set(around: AroundTraffic): void
  underWay(): Promise<UnderWay>
  /** Whether all threads that carry it answer in time. */
  alive(): Promise<boolean>
  /** All tunnels: both sides of each see an orderly end. */
  endTunnels(): void
  /** Brings what has been counted up to date, too. */
  look(): Promise<TrafficLook>
  /** Resolves when all that was applied is in force wherever traffic is carried. */
  settled(): Promise<void>
  /** What the policy holds, and nobody has used for so long. */
  unused(forMs: number): Promise<readonly ServiceKey[]>
  /** These are not held any more. */
  forget(services: readonly ServiceKey[]): void
  closeIdle(): void
  close(): Promise<void>
}

/** How one thread's data path looks. */
export function lookAt(path: DataPath, doors: Doors, loop: LoopDelay, nowMs: number): TrafficLook {
  const { counts, sumMs, count } = loop
  return {
    destinations: [...path.destinations.view(nowMs)],
    loopDelay: { counts, sumMs, count },
    refusedConnections: [...path.protection.refusals.counts.values()],
    gauges: {
      inboundConnections: doors.inbound.connections,
      outboundConnections: doors.outbound.connections,
      inboundTunnels: path.tunnels.count('inbound'),
      outboundTunnels: path.tunnels.count('outbound'),
    },
  }
}

/** What one thread is told of the sidecar around it. Its sessions hear of a drain as it begins. */
export function setAround(path: DataPath, doors: Doors, around: AroundTraffic): void {
  const leaves = around.draining === true && !path.around.draining
  Object.assign(path.around, around)
  if (leaves) doors.inbound.drain()
}

export function underWayIn(path: DataPath, { inbound, outbound }: Doors): UnderWay {
  return {
    inbound: inbound.exchanges,
    outbound: outbound.exchanges,
    tunnels: path.tunnels.count('inbound'),
    applications: outbound.connections,
  }
}

/** Traffic that is carried by this thread. `loop` is this thread's. */
export function ownTraffic(path: DataPath, doors: Doors, loop: LoopDelay, nowMs: () => number): Traffic {
  const stopTending = path.tend(doors)
  return {
    ports: doors.ports,
    listeners: doors.listeners,
    set: around => setAround(path, doors, around),
    underWay: async () => underWayIn(path, doors),
    alive: async () => true,
    endTunnels: () => path.tunnels.endAll(),
    look: async () => lookAt(path, doors, loop, nowMs()),
    settled: async () => undefined,
    unused: async forMs => path.policy.unused(nowMs() - forMs, key => path.destinations.isBusy(key)),
    forget: () => undefined,
    closeIdle: () => path.protection.closeIdle(),
    close: async () => {
      stopTending()
      await doors.close()
      path.close()
    },
  }
}
