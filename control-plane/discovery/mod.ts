/**
 * The streams on which sidecars tell who they are and what they use, and receive what they need: atomic, delta, acknowledged.
 * Invariants: identity comes from the certificate alone; at most one update is unanswered on a stream, and what changes meanwhile is
 * sent as the latest; part of a revision is never sent; a slow sidecar slows nobody else; proto messages live in wire.ts files alone.
 */

export type { Peer } from './admission.ts'
export { DISCOVERY_SERVER_OPTIONS } from './server-options.ts'
export { type DiscoveryOptions, type DiscoveryService, discoveryService } from './service.ts'
