import { assert, err, ok, type Result, type WorkloadKey, workloadKey } from '../../common/mod.ts'
import { type World, worldOf } from '../../model/compile/mod.ts'
import {
  formatProblem,
  type Kind,
  type Resource,
  validateResource,
  type WorkloadResource,
} from '../../model/resources/mod.ts'
import { asResource, type Committed, type Store, type StoredResource } from '../store/mod.ts'
import { reduceWorld, type WorldChange } from './reducer.ts'
import type { WorldNews, WorldState, WorldView } from './world-view.ts'

export type LeasedChange =
  | { readonly kind: 'put'; readonly workload: WorkloadResource }
  | { readonly kind: 'remove'; readonly workload: WorkloadKey }

/** The world, kept up to date from the store's commits and from the registry's leases. */
export interface LiveWorld extends WorldView {
  /** `revision`: of the transaction that kept the leases; `undefined` when the store did not take it, and the world shows them all the same. */
  applyLeases(changes: readonly LeasedChange[], revision: number | undefined): void
  /** Whether a user wrote a Workload of this name. Where one did, a lease of the same name is not seen. */
  isWritten(workload: WorkloadKey): boolean
  close(): void
}

/**
 * Loads all that is stored. A resource that this program cannot read is an error, in words: leaving it out would be an answer to a
 * question that its writer has settled (a policy that is not there allows).
 */
export async function openWorld(store: Store): Promise<Result<LiveWorld, string>> {
  const { revision, resources } = await store.list()
  const read: Resource[] = []
  for (const stored of resources) {
    const resource = readStored(stored)
    if (!resource.ok) return resource
    read.push(resource.value)
  }
  return ok(liveWorld(store, worldOf(read), revision))
}

function liveWorld(store: Store, loaded: World, loadedRevision: number): LiveWorld {
  const written = new Set<WorkloadKey>(loaded.workloads.keys())
  const leased = new Map<WorkloadKey, WorkloadResource>()
  const listeners = new Set<Parameters<WorldView['onChange']>[0]>()
  let current: WorldState = Object.freeze({ world: loaded, revision: loadedRevision })

  function advance(origin: WorldNews['origin'], changes: readonly WorldChange[], revision: number | undefined): void {
    const next = Math.max(current.revision, revision ?? 0)
    if (changes.length === 0 && next === current.revision) return
    current = Object.freeze({ world: reduceWorld(current.world, changes), revision: next })
    for (const listener of listeners) listener(current, { origin, changes })
  }

  function changesOf(committed: Committed): WorldChange[] {
    return committed.outcomes.flatMap((outcome): readonly WorldChange[] => {
      const { kind, namespace, name } = outcome.ref
      const key = workloadKey(namespace, name)
      if (outcome.action === 'created' || outcome.action === 'configured') {
        const resource = readStored(outcome.after)
        assert(resource.ok, `a stored resource is one that was validated: ${resource.ok ? '' : resource.error}`)
        if (kind === 'Workload') written.add(key)
        return [{ kind: 'put', resource: resource.value }]
      }
      if (outcome.action !== 'deleted') return []
      if (kind === 'Workload') {
        written.delete(key)
        const behind = leased.get(key)
        if (behind !== undefined) return [{ kind: 'put', resource: behind }]
      }
      return [{ kind: 'remove', of: kind as Kind, namespace, name }]
    })
  }

  const unsubscribe = store.onCommit(committed => advance('commit', changesOf(committed), committed.revision))
  return {
    state: () => current,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    applyLeases(changes, revision) {
      const seen: WorldChange[] = []
      for (const change of changes) {
        const key = change.kind === 'put' ? keyOf(change.workload) : change.workload
        if (change.kind === 'put') leased.set(key, change.workload)
        else leased.delete(key)
        if (written.has(key)) continue
        seen.push(change.kind === 'put' ? { kind: 'put', resource: change.workload } : removal(key))
      }
      advance('leases', seen, revision)
    },
    isWritten: workload => written.has(workload),
    close: unsubscribe,
  }
}

function readStored(stored: StoredResource): Result<Resource, string> {
  const parsed = validateResource(asResource(stored))
  if (parsed.ok) return parsed
  const [first] = parsed.error
  return err(
    `Cannot load the mesh: the store holds what this program cannot read (${first === undefined ? '' : formatProblem(first)}). ` +
      "Use the program's version that wrote it, and change the resource there.",
  )
}

function keyOf(workload: WorkloadResource): WorkloadKey {
  return workloadKey(workload.metadata.namespace, workload.metadata.name)
}

function removal(workload: WorkloadKey): WorldChange {
  const slash = workload.indexOf('/')
  return { kind: 'remove', of: 'Workload', namespace: workload.slice(0, slash), name: workload.slice(slash + 1) }
}
