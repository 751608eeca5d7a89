/**
 * HTTP/1.1 (RFC 9112), both roles: bytes in, heads and pieces out, and text for the wire. No sockets, no policy.
 * Invariants: whatever two parsers could read in two ways is refused; every length is bounded; a byte of a head is looked at once.
 */
export * from './body-reader.ts'
export { HeadScanner, NEED_MORE, REFUSED } from './head-scanner.ts'
export * from './problem.ts'
export { readRequestHead } from './request-head.ts'
export { idleMsSaid, keepAliveOf, readResponseHead } from './response-head.ts'
export * from './write.ts'
