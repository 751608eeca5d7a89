/**
 * World + who is asking -> snapshots. One file per concern: self, endpoints, service (routes, precedence, rule, match), traffic, mesh.
 * Invariants: pure, deterministic (the same World gives the same bytes, whatever the order of its maps), frozen output;
 * knows neither wire nor store nor clock.
 */
export { addressOwners, ownerOfAddress } from './addresses.ts'
export { compileEndpoints } from './endpoints.ts'
export { sameInstances, sameRules } from './same.ts'
export { compileSelf } from './self.ts'
export { compileService, withBackends } from './service.ts'
export { type World, worldOf } from './world.ts'
