/**
 * HPACK (RFC 7541): header blocks to fields and back, one decoder and one encoder a direction of a connection. Bytes in, fields out.
 * Invariants: a block is gone through whole, so that the tables stay in step, unless the connection ends; what a peer can make us keep is bounded.
 */
export { DECODED_BYTES_MAX, HpackDecoder } from './decoder.ts'
export { BEGIN_BYTES_MAX, HpackEncoder } from './encoder.ts'
export type { HpackFault } from './fault.ts'
export { type Classify, type FieldSink, HpackField } from './field.ts'
export { isSensitive } from './sensitive.ts'
