/**
 * HTTP/2 (RFC 9113) and its header compression (RFC 7541), both roles: bytes in, frames and heads out, and bytes for the wire. No sockets, no policy.
 * Invariants: what is malformed is refused before anything is made of it; every length is bounded; a frame that comes whole is not copied.
 */
export { classify, DECLINED_FIELD } from './classify.ts'
export * from './frame-reader.ts'
export * from './frames.ts'
export { HeadFields } from './head-fields.ts'
export { HeadWriter } from './head-writer.ts'
export { type Classify, HpackDecoder, HpackEncoder, type HpackFault } from './hpack/mod.ts'
export { type RequestFault, readRequestHead } from './request-head.ts'
export { readResponseHead } from './response-head.ts'
