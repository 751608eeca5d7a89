/**
 * The sidecars that are connected, and what became of each revision there: the truth behind `apply --wait`.
 * Invariants: concern is told by difference of content, never assumed; a newer stream's word replaces an older one's; nobody is
 * remembered without a bound; it resolves waits and pushes nothing.
 */
export { createFleet, type Fleet, type FleetOptions, type FleetStream } from './fleet.ts'
export type { SidecarFacts } from './member.ts'
