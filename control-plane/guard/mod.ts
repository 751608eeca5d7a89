/**
 * What vanishes though nobody deleted it: it is held back from sidecars, alarmed, and let go by a person, or when it has come back.
 * Invariants: what somebody deleted through the API, and a workload that said goodbye, is never held back; while a loss is held back,
 * everything else goes on; nothing is written to the store.
 */
export { type Census, censusOf, type LostKind, lostKinds } from './census.ts'
export { type CensusFile, openCensusFile } from './census-file.ts'
export { type GuardedWorld, type GuardOptions, guardWorld } from './guarded-world.ts'
