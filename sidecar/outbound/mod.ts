/**
 * From the local application into the mesh: the explicit proxy door and its stack.
 * Invariants: what the application says in the mesh's name (`x-selvedge-*`) is removed; a destination in the mesh is reached by mTLS or not at all.
 */

export { Authorities } from './authority.ts'
export { boundTo, spoken } from './bound.ts'
export { Destinations } from './destinations.ts'
export { Resolver } from './resolve.ts'
export { bytesStack, type OutboundParts, outboundStack } from './stack.ts'
