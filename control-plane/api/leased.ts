import { workloadKey } from '../../common/mod.ts'
import type { Resource, WorkloadResource } from '../../model/resources/mod.ts'
import type { ResourceRef, StoredResource } from '../store/mod.ts'
import type { WorldView } from '../world/mod.ts'

/** The workloads that sidecars registered and nobody wrote: they are in the world, and not among what is `stored`. */
export function leasedWorkloads(
  world: WorldView,
  namespace: string | undefined,
  stored: readonly StoredResource[],
): readonly WorkloadResource[] {
  const written = new Set(stored.map(({ ref }) => `${ref.namespace}/${ref.name}`))
  const all = [...world.state().world.workloads.values()]
  return all
    .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
    .filter(({ metadata }) => !written.has(`${metadata.namespace}/${metadata.name}`))
    .sort((a, b) => compare(a.metadata.namespace, b.metadata.namespace) || compare(a.metadata.name, b.metadata.name))
}

/** The leased workload of this name; `undefined` for other kinds too. */
export function leasedWorkload(world: WorldView, { kind, namespace, name }: ResourceRef): Resource | undefined {
  if (kind !== 'Workload') return undefined
  return world.state().world.workloads.get(workloadKey(namespace, name))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
