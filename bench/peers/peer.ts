import type { Backend } from '../backend.ts'
import type { Certificates } from '../certificates.ts'
import type { Topology } from '../plan.ts'
import type { Program, Workspace } from '../workspace.ts'

/** What a peer is given to build its topology from. */
export interface Scene {
  readonly workspace: Workspace
  readonly backend: Backend
  readonly certificates: Certificates
}

/** A peer that stands: where it takes requests, and whose time to count. */
export interface RunningPeer {
  readonly port: number
  /** One proxy, or both of a pair. */
  readonly programs: readonly Program[]
}

/** A proxy to measure, in one way of setting it up. */
export interface Peer {
  readonly name: string
  readonly topologies: readonly Topology[]
  /** Left out unless `--peers` names it. */
  readonly onlyWhenNamed?: boolean
  /** How long it is under load before it is measured: code that is compiled as it runs needs some hundred thousand requests. */
  readonly warmUpSeconds: number
  /** Why it can't take part and what to do about it, in one line; undefined when it can. */
  missing(): string | undefined
  /** Starts it, pinned to the proxies' core. It need not answer yet. */
  start(topology: Topology, scene: Scene): Promise<RunningPeer>
}
