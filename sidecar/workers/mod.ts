/**
 * Several threads that carry one sidecar's traffic, and the one that keeps what the sidecar has once. What they say to each other, what
 * they share, and how one policy holds in all of them.
 * Invariants: an update counts as applied when the last of them has applied it; each cell of shared memory has one writer; a
 * thread that dies takes the process with it.
 */
export { AskedSource } from './asked-source.ts'
export { type Crew, startCrew, type WorkerThread } from './crew.ts'
export type { FromWorker, SharedUpdate, ToWorker } from './messages.ts'
export { relayedSource } from './relayed-source.ts'
export { type Answers, serve, type ThreadPort } from './serve.ts'
export { newBreakerCells, SharedBreaker } from './share-out.ts'
export { newSharedMemory, type SharedBuffers, SharedMemory } from './shared-memory.ts'
