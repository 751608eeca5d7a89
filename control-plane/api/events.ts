import { err, ok, type Result } from '../../common/mod.ts'
import type { KindInfo, WorkloadResource } from '../../model/resources/mod.ts'
import { asResource, type ChangeOutcome, type Committed, type HistoryExpired, type Store } from '../store/mod.ts'
import type { WorldState, WorldView } from '../world/mod.ts'
import type { Shown } from './listing.ts'

/** What became of one resource: as it was and as it is, each `undefined` where it wasn't or isn't there. */
export interface ResourceChange {
  readonly before: Shown | undefined
  readonly after: Shown | undefined
}

export type ChangeListener = (revision: number, changes: readonly ResourceChange[]) => void

/** Where the changes of one kind come from. */
export interface Changes {
  /** Tells all changes after `fromRevision`, then those to come, in order. Returns the function that ends it. */
  watch(fromRevision: number, listener: ChangeListener): Promise<Result<() => void, HistoryExpired>>
}

/** The changes of a kind that the store keeps. */
export function storedChanges(store: Store, info: KindInfo): Changes {
  return {
    watch: (fromRevision, listener) =>
      store.watch(fromRevision, committed => listener(committed.revision, changesIn(committed, info))),
  }
}

function changesIn({ outcomes }: Committed, info: KindInfo): ResourceChange[] {
  return outcomes.flatMap(outcome => (outcome.ref.kind === info.kind ? changeOf(outcome) : []))
}

function changeOf(outcome: ChangeOutcome): ResourceChange[] {
  if (outcome.action === 'unchanged' || outcome.action === 'absent') return []
  const before = 'before' in outcome ? asResource(outcome.before) : undefined
  const after = 'after' in outcome ? asResource(outcome.after) : undefined
  return [{ before, after }]
}

/** Changes of workloads that are kept for those who come back after a moment. */
const WORKLOAD_CHANGES_MAX = 4_096

/**
 * The changes of Workloads, of which those that sidecars register are in no store: what the world was is held against what it is. The
 * log begins with this process and has a bound; who asks for what was before it must list again.
 */
export function workloadChanges(world: WorldView): Changes {
  let state = world.state()
  let oldest = state.revision
  const log: { readonly revision: number; readonly changes: readonly ResourceChange[] }[] = []
  const listeners = new Set<ChangeListener>()
  world.onChange(next => {
    const changes = differences(state, next)
    state = next
    if (changes.length === 0) return
    log.push({ revision: next.revision, changes })
    if (log.length > WORKLOAD_CHANGES_MAX) oldest = log.shift()?.revision ?? oldest
    for (const listener of listeners) listener(next.revision, changes)
  })
  return {
    async watch(fromRevision, listener) {
      if (fromRevision < oldest || fromRevision > state.revision) return err({ code: 'expired', oldest })
      for (const { revision, changes } of log) if (revision > fromRevision) listener(revision, changes)
      listeners.add(listener)
      return ok(() => listeners.delete(listener))
    },
  }
}

function differences(from: WorldState, to: WorldState): ResourceChange[] {
  const [before, after] = [from.world.workloads, to.world.workloads]
  if (before === after) return []
  const changes: ResourceChange[] = []
  for (const [key, workload] of after) {
    const old: WorkloadResource | undefined = before.get(key)
    if (old !== workload) changes.push({ before: old, after: workload })
  }
  for (const [key, workload] of before) if (!after.has(key)) changes.push({ before: workload, after: undefined })
  return changes
}
