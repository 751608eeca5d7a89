/**
 * The one in-memory view of the mesh, from which everything that a sidecar receives is compiled.
 * Invariants: a state is frozen and replaced whole; what did not change is shared; one revision's changes appear together;
 * a Workload that a user wrote hides a lease of the same name.
 */
export { type LeasedChange, type LiveWorld, openWorld } from './live-world.ts'
export { reduceWorld, type WorldChange } from './reducer.ts'
export type * from './world-view.ts'
