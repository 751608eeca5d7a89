/**
 * What each sidecar shall know, with a version for each part by its content, and the way from what it holds to that.
 * Invariants: pure but for the hash; ignorant of streams and of the wire; the same content has the same version, also after a restart.
 */
export type { Wanted } from './compiled-world.ts'
export { type Difference, diff, type HeldVersions, type Resources } from './difference.ts'
export type { EndpointsChange, EndpointsResource } from './endpoint-changes.ts'
export {
  endpointsResource,
  type Resource,
  type ResourceName,
  serviceOfResource,
  serviceResource,
} from './resource.ts'
export { createSnapshots, type Snapshots, type WorldSource } from './snapshots.ts'
export { ABSENT, type ContentVersion, contentVersion } from './version.ts'
