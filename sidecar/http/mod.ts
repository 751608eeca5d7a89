/**
 * One exchange, the same for every codec and both directions: heads, bodies in pieces, filters in a visible list.
 * Invariants: one final head, then the body, then one end; a broken body never looks whole; no sockets, no streams, no promises for each piece.
 */
export { answerCause } from './answer-cause.ts'
export { isHost, isTargetByte, isTokenByte, isValueByte, TOKEN_BYTES, VALUE_BYTES } from './bytes.ts'
export { endBroken } from './end-broken.ts'
export * from './exchange.ts'
export * from './filter.ts'
export * from './grpc-status.ts'
export { grpcDeadline, grpcPushbackMs, grpcTimeoutMs, grpcTimeoutText } from './grpc-timeout.ts'
export * from './head.ts'
export * from './headers.ts'
export { KeptBytes } from './kept-bytes.ts'
export { restoreAnswerNames, restoreRequestNames, tellNames, untellNames } from './name-case.ts'
export { OpenTunnels, type TunnelFacts } from './open-tunnels.ts'
export { ownText } from './own-text.ts'
export { cleanTrailers } from './trailers.ts'
export * from './tunnel.ts'
