import type { Result, ServiceKey } from '../../common/mod.ts'
import type { AddressOwner, SnapshotProblem, SnapshotUpdate } from '../../model/snapshot/mod.ts'

/** Where updates go: applied whole, or refused whole with the reasons. */
export interface PolicySink {
  apply(update: SnapshotUpdate): Result<void, readonly SnapshotProblem[]>
  /** Resolves when what has been applied is in force everywhere. Absent, or `undefined`: it is already. */
  settling?(): Promise<void> | undefined
}

/** Where a sidecar's policy comes from: a stream, a file, or memory. */
export interface PolicySource {
  /** Begins to feed `sink`. Called once. */
  start(sink: PolicySink): void
  /** A request wants a service that is not known yet. Idempotent and cheap; the answer comes through the sink, present or absent. */
  want(service: ServiceKey): void
  /**
   * The sidecar has dropped these Services, because nobody uses them; and names that don't exist need not be followed when they were
   * wanted last before `unwantedSinceMs`. Where a source can't bring them back when they are wanted again, nothing is ever dropped.
   */
  forget?(services: readonly ServiceKey[], unwantedSinceMs: number): void
  /**
   * Whose an IP address (RFC 5952) is. `found` is called once, at once or later, or never where the source is lost meanwhile. `false`: there
   * will be no answer. Absent: the source knows of no addresses.
   */
  findOwner?(address: string, found: (owner: AddressOwner) => void): boolean
  /** Whether the source can answer now; while it cannot, what was never used answers with cause `no-policy`. */
  connected(): boolean
  close(): Promise<void>
}
