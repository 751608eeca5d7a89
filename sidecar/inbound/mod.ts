/**
 * From other sidecars to the local application.
 * Invariants: who calls comes from the peer's certificate alone; only declared ports are served; `x-selvedge-*` never passes through.
 */
export { LocalApplication } from './local.ts'
export { type InboundParts, inboundStack } from './stack.ts'
