import type { World } from '../../model/compile/mod.ts'

/** All that the mesh consists of at one moment: the stored resources and the leased workloads. Frozen, and replaced whole. */
export interface WorldState {
  readonly world: World
  /** The newest revision whose changes `world` shows. Never goes back. */
  readonly revision: number
}

export interface WorldView {
  state(): WorldState
  /** Called once for each new state, in order, with the state already in place. Returns the function that ends it. */
  onChange(listener: (state: WorldState) => void): () => void
}
