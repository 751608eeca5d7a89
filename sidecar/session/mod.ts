/**
 * A socket and a codec joined. Server sessions make exchanges out of a caller's connection; client sessions carry requests to an
 * endpoint, and pools keep them between requests.
 * Invariants: an exception inside a session destroys that session alone; a connection on which anything was ambiguous isn't used again.
 */
export { Door, type DoorOptions } from './door.ts'
export * from './h1-client.ts'
export * from './h1-server.ts'
export * from './pool.ts'
export type { ServerHost } from './server-host.ts'
