import { isDeepStrictEqual } from 'node:util'
import { err, ok, type Result } from '../../common/mod.ts'
import type { Resource } from '../../model/resources/mod.ts'
import { asContent, type ResourceRef, refText } from '../store/mod.ts'
import type { WorldView } from '../world/mod.ts'
import { leasedWorkload } from './leased.ts'
import type { Refusal } from './status.ts'
import { invalid, refOf, type Writer } from './writes.ts'

/** What of an apply is to be written, and what came back as it was read: a lease is the sidecar's to write. */
export interface LeasesApart {
  readonly toWrite: readonly Resource[]
  readonly unchanged: readonly ResourceRef[]
}

/**
 * Takes copies of leased Workloads out of `resources`; they are known by their status, which only a lease has. Written, each would
 * stay in the mesh when its sidecar has gone. One that was changed is refused.
 */
export async function leasesApart(
  { store, world }: Writer,
  resources: readonly Resource[],
): Promise<Result<LeasesApart, Refusal>> {
  const toWrite: Resource[] = []
  const unchanged: ResourceRef[] = []
  const changed: ResourceRef[] = []
  for (const resource of resources) {
    const ref = refOf(resource)
    const hasStatus = resource.kind === 'Workload' && resource.status !== undefined
    if (!hasStatus || (await store.read(ref)) !== undefined) toWrite.push(resource)
    else if (isLease(world, ref, resource)) unchanged.push(ref)
    else changed.push(ref)
  }
  if (changed.length === 0) return ok({ toWrite, unchanged })
  const message = 'is told by a sidecar, as is all of this Workload: leave it out, or remove status to write it by hand'
  return err(
    invalid(
      'apply',
      changed.map(ref => ({ resource: refText(ref), field: 'status', message })),
    ),
  )
}

function isLease(world: WorldView, ref: ResourceRef, copy: Resource): boolean {
  const lease = leasedWorkload(world, ref)
  return lease !== undefined && isDeepStrictEqual(asContent(lease), asContent(copy))
}
