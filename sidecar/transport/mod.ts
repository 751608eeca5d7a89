/**
 * Sockets: listening, connecting, TLS, timers, and writing once in each turn of the event loop. Knows no protocol above TLS.
 */

export { boundConnections } from './bound-connections.ts'
export { breakOff } from './break-off.ts'
export { ByteWriter } from './byte-writer.ts'
export { atCertificateEnd, beforeCertificateEnd } from './certificate-end.ts'
export { closeAfterWrites } from './close-after-writes.ts'
export { type DialTarget, dial } from './dial.ts'
export { inTurn } from './in-turn.ts'
export { KEEP_ALIVE } from './keep-alive.ts'
export { LINGER_MS, linger } from './linger.ts'
export { listen, MeshListener } from './listen.ts'
export { Lookups } from './lookups.ts'
export type { Pieces } from './pieces.ts'
export { moveToSharedReads, type Reads, SharedReads, shareReads } from './shared-reads.ts'
export { type Flushable, Turn } from './turn.ts'
export * from './wheel.ts'
export * from './writer.ts'
