import type { TrustDomain } from '../../common/mod.ts'
import { ownerOfAddress } from '../../model/compile/mod.ts'
import type { AddressOwner } from '../../model/snapshot/mod.ts'
import type { WorldState } from '../world/mod.ts'
import { CompiledOnDemand, type Wanted } from './compiled-world.ts'
import type { Resources } from './difference.ts'
import { type EndpointsChange, type EndpointsResource, endpointChanges } from './endpoint-changes.ts'
import type { ContentVersion } from './version.ts'

/** What any sidecar shall know now, and when that may have changed. */
export interface Snapshots {
  resourcesFor(wanted: Wanted): { readonly revision: number; readonly resources: Resources }
  /** What takes a holder of `base` to `list`, which came from `resourcesFor`; `undefined`: send the whole list. */
  changeSince(base: ContentVersion, list: EndpointsResource): EndpointsChange | undefined
  /** Whose an IP address is at this moment; it is not followed. */
  ownerOf(address: string): AddressOwner
  /** While it is, what the world says is not to be believed, and nothing is sent. `onChange` tells its end too. */
  frozen(): boolean
  /** Called when the mesh has changed. Returns the function that ends it. */
  onChange(listener: () => void): () => void
}

/** The part of the world's view that is needed here. */
export interface WorldSource {
  state(): WorldState
  /** While it is, nobody is told anything. Absent: never. */
  frozen?(): boolean
  onChange(listener: () => void): () => void
}

/** Compiles each state of the mesh that is asked about once, and forgets it with the next. */
export function createSnapshots(view: WorldSource, trustDomain: TrustDomain): Snapshots {
  const changes = endpointChanges()
  let compiled: CompiledOnDemand | undefined

  return {
    resourcesFor(wanted) {
      const { world, revision } = view.state()
      if (compiled === undefined) compiled = new CompiledOnDemand(world, trustDomain, changes)
      else if (compiled.world !== world) compiled = compiled.next(world)
      return { revision, resources: compiled.resourcesFor(wanted) }
    },
    ownerOf: address => ownerOfAddress(view.state().world, address),
    changeSince: changes.since,
    frozen: () => view.frozen?.() ?? false,
    onChange: listener => view.onChange(listener),
  }
}
