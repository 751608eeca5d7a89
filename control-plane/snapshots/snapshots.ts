import type { TrustDomain } from '../../common/mod.ts'
import type { WorldState } from '../world/mod.ts'
import { type CompiledWorld, compiledWorld, type Wanted } from './compiled-world.ts'
import type { Resources } from './difference.ts'

/** What any sidecar shall know now, and when that may have changed. */
export interface Snapshots {
  resourcesFor(wanted: Wanted): { readonly revision: number; readonly resources: Resources }
  /** Called when the mesh has changed. Returns the function that ends it. */
  onChange(listener: () => void): () => void
}

/** The part of the world's view that is needed here. */
export interface WorldSource {
  state(): WorldState
  onChange(listener: () => void): () => void
}

/** Compiles each state of the mesh that is asked about once, and forgets it with the next. */
export function createSnapshots(view: WorldSource, trustDomain: TrustDomain): Snapshots {
  let latest: { readonly state: WorldState; readonly compiled: CompiledWorld } | undefined

  return {
    resourcesFor(wanted) {
      const state = view.state()
      if (latest?.state.world !== state.world) latest = { state, compiled: compiledWorld(state.world, trustDomain) }
      return { revision: state.revision, resources: latest.compiled.resourcesFor(wanted) }
    },
    onChange: listener => view.onChange(listener),
  }
}
