import type { World } from '../../model/compile/mod.ts'
import type { WorldChange } from './reducer.ts'

/** All that the mesh consists of at one moment: the stored resources and the leased workloads. Frozen, and replaced whole. */
export interface WorldState {
  readonly world: World
  /** The newest revision whose changes `world` shows. Never goes back. */
  readonly revision: number
}

/** What made a state out of the one before: somebody's commit, or leases that came, changed or ended. */
export interface WorldNews {
  readonly origin: 'commit' | 'leases'
  readonly changes: readonly WorldChange[]
}

export interface WorldView {
  state(): WorldState
  /** Called once for each new state, in order, with the state already in place. Returns the function that ends it. */
  onChange(listener: (state: WorldState, news: WorldNews) => void): () => void
}
