/**
 * The types of what one sidecar knows: the contract between `compile`, discovery and the data path.
 * Invariants: plain frozen data, defaults filled in, entries in order of precedence, keys parsed; no behaviour.
 */
export type * from './address.ts'
export type * from './endpoints.ts'
export type * from './self.ts'
export type * from './service.ts'
export type * from './update.ts'
