import type { SpiffeId, WorkloadKey } from '../../common/mod.ts'
import type { SnapshotProblem } from '../../model/snapshot/mod.ts'
import type { NackAnswer, SidecarAnswer } from '../api/mod.ts'
import { createHistory, type History } from './history.ts'

/** Who a stream turned out to be. */
export interface SidecarFacts {
  readonly workload: WorkloadKey
  readonly spiffeId: SpiffeId
  readonly programVersion: string
  /** Unix time in milliseconds. */
  readonly certificateNotAfterMs: number
}

/** What is known of one workload's sidecar, over all of its streams. */
export interface Member {
  facts: SidecarFacts
  /** One object for each stream; only the newest stream's own word counts. */
  stream: object | undefined
  /** It has said that it ends, and hasn't come back since. */
  left: boolean
  /** Unix time in milliseconds of the last change between connected and not. */
  sinceMs: number
  /** Monotonic milliseconds of the same moment, for spans of time. */
  changedMs: number
  readonly history: History
  lastNack: NackAnswer | undefined
  subscriptions: () => readonly string[]
}

export function createMember(facts: SidecarFacts): Member {
  return {
    facts,
    stream: undefined,
    left: false,
    sinceMs: 0,
    changedMs: 0,
    history: createHistory(),
    lastNack: undefined,
    subscriptions: () => [],
  }
}

export function nackAnswer(revision: number, atMs: number, problems: readonly SnapshotProblem[]): NackAnswer {
  return { revision, at: atMs, problems }
}

export function sidecarAnswer(member: Member): SidecarAnswer {
  return {
    workload: member.facts.workload,
    spiffeId: member.facts.spiffeId,
    connected: member.stream !== undefined,
    since: member.sinceMs,
    programVersion: member.facts.programVersion,
    ackedRevision: member.history.settled(),
    pendingRevision: member.history.inFlight() ?? null,
    lastNack: member.lastNack ?? null,
    certificateNotAfter: member.facts.certificateNotAfterMs,
    subscriptions: member.subscriptions(),
  }
}
