import { workloadKey } from '../../common/mod.ts'
import type { Resource } from '../../model/resources/mod.ts'
import type { ResourceRef } from '../store/mod.ts'
import type { WorldView } from '../world/mod.ts'

/** The leased workload of this name; `undefined` for other kinds too. */
export function leasedWorkload(world: WorldView, { kind, namespace, name }: ResourceRef): Resource | undefined {
  if (kind !== 'Workload') return undefined
  return world.state().world.workloads.get(workloadKey(namespace, name))
}
