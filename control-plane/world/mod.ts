/**
 * The one in-memory view of the mesh, from which everything that a sidecar receives is compiled.
 * Invariants: a state is frozen and replaced whole; what did not change is shared; one revision's changes appear together.
 */
export type * from './world-view.ts'
