/**
 * The stream from the control plane: what this sidecar uses goes up, what it needs comes down, and each update is answered.
 * Invariants: an update is applied whole or refused whole; what was applied stays in force while the control plane is away; a new
 * stream says what is held, and only the difference comes; gRPC is loaded when the first stream is opened, not before.
 */
export { type StreamSourceOptions, streamSource } from './grpc-source.ts'
export type { Registration } from './messages.ts'
export type { StreamSource, StreamStatus } from './stream-source.ts'
