/**
 * A socket and a codec joined. Server sessions make exchanges out of a caller's connection; client sessions carry requests to an
 * endpoint, and pools keep them between requests.
 * Invariants: an exception inside a session destroys that session alone; a connection on which anything was ambiguous isn't used again.
 */
export type { CarriageKind, ClientCarriage, ClientEvents, ClientFailure } from './client.ts'
export { type Arriving, Door, type DoorOptions } from './door.ts'
export * from './h1-client.ts'
export * from './h1-server.ts'
export * from './pool.ts'
export { RawClient, type RawOwner } from './raw-client.ts'
export type { Bound, CallerSocket, Found, ServerHost } from './server-host.ts'
export type { ServerPhase, ServerSession } from './server-session.ts'
