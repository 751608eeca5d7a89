/**
 * What a sidecar goes by: one cell that updates replace, and the sources that feed it.
 * Invariants: an update is applied whole or refused whole; what was learnt of unknown names is bounded in number and time.
 */
export * from './current.ts'
export type { PolicySink, PolicySource } from './source.ts'
