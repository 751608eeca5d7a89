import type { Resource, ResourceName } from './resource.ts'
import type { ContentVersion } from './version.ts'

/** What a sidecar acknowledged that it holds. A Service that it knows not to exist is held at version `ABSENT`. */
export type HeldVersions = ReadonlyMap<ResourceName, ContentVersion>

/** What one sidecar shall know at one revision. */
export type Resources = ReadonlyMap<ResourceName, Resource>

/** What takes a sidecar from what it holds to what it shall know. */
export interface Difference {
  /** To be sent: new, changed, or not there any more. */
  readonly changed: Resources
  /** Held, and no longer wanted or implied by what is sent: forgotten without a word. */
  readonly dropped: readonly ResourceName[]
}

export function diff(held: HeldVersions, next: Resources): Difference {
  const changed = new Map<ResourceName, Resource>()
  for (const [name, resource] of next) {
    if (held.get(name) !== resource.version) changed.set(name, resource)
  }
  const dropped: ResourceName[] = []
  for (const name of held.keys()) {
    if (!next.has(name)) dropped.push(name)
  }
  return { changed, dropped }
}
