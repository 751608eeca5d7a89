import type { Certificates } from '../certificates.ts'
import type { Case } from '../plan.ts'
import type { Program, Workspace } from '../workspace.ts'

/** What a peer is given to build its topology from. */
export interface Scene {
  readonly workspace: Workspace
  readonly backendPort: number
  readonly certificates: Certificates
}

/** A peer that stands: where to send requests, and whose time to count. */
export interface RunningPeer {
  readonly url: string
  /** One proxy, or both of a pair. */
  readonly programs: readonly Program[]
}

/** A proxy to measure, in one way of setting it up. */
export interface Peer {
  readonly name: string
  readonly cases: readonly Case[]
  /** Why it can't take part and what to do about it, in one line; undefined when it can. */
  missing(): string | undefined
  /** Starts it, pinned to the proxies' core. It need not answer yet. */
  start(one: Case, scene: Scene): Promise<RunningPeer>
}
