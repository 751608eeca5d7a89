/**
 * Words that every room shares: results, branded values, time and chance as arguments, and the names of things.
 * Invariants: no I/O, no state, no import of any other room.
 */
export * from './brand.ts'
export * from './clock.ts'
export * from './collector-endpoint.ts'
export * from './duration.ts'
export * from './endpoint-ref.ts'
export * from './ip-address.ts'
export * from './latin1.ts'
export * from './limits.ts'
export * from './nearest.ts'
export * from './original-destination.ts'
export * from './outcome.ts'
export * from './random.ts'
export * from './refusal-log.ts'
export * from './result.ts'
export * from './spiffe-id.ts'
export * from './stable-json.ts'
