/**
 * World + who is asking -> snapshots. One file per concern: self, endpoints, service (routes, precedence, traffic), mesh.
 * Invariants: pure, deterministic (the same World gives the same bytes), frozen output; knows neither wire nor store nor clock.
 */
export { type World, worldOf } from './world.ts'
