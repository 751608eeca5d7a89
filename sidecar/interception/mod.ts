/**
 * Transparent interception: where a connection that the kernel redirected to us was going, and whether it is one of our own.
 * Invariants: this is the only native door; koffi is loaded only when interception is on; asked once for each connection; a
 * connection that came by itself has no original destination, and one of our own is never taken for the application's.
 */
export { type Arrival, Interception, openInterception } from './interception.ts'
export { loadOriginalDst } from './original-dst.ts'
export { OwnConnections } from './own-connections.ts'
export { redirectHosts } from './redirect-hosts.ts'
