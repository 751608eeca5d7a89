import type { Socket } from 'node:net'
import type { Headers, RequestHead, ResponseHead, TunnelEnd, TunnelNear } from '../http/mod.ts'

/**
 * How a request came to nothing. `reset`: its connection or stream ended. `protocol-error`: the answer was malformed. `refused`: the endpoint
 * has said that it did not look at it (RFC 9113, 8.7), so it may be sent again whatever it is.
 */
export type ClientFailure = 'reset' | 'protocol-error' | 'refused'

/** Who asked: hears all of the answer, in order, and then nothing more. */
export interface ClientEvents {
  onInform(head: ResponseHead): void
  onHead(head: ResponseHead): void
  /** What was asked for has become a tunnel. Bytes pass between `far` and what is given back; `undefined` gives it up. */
  onSwitch(head: ResponseHead, far: TunnelEnd): TunnelNear | undefined
  /** A piece is valid until the call returns. `false` pauses the answer until `resume`. */
  onData(chunk: Buffer): boolean
  onEnd(trailers: Headers | undefined): void
  /** The answer broke off, before or after its head. `bytesSeen`: some of the answer had come. */
  onFailure(kind: ClientFailure, detail: string, bytesSeen: boolean): void
  /** More of the request's body is taken. */
  onDrain(): void
}

/**
 * How a request can be carried: `http1` and `http2` in plaintext, `bytes` (a CONNECT) as they are, `mesh` to another sidecar, where the two have agreed
 * on what they speak.
 */
export type CarriageKind = 'http1' | 'http2' | 'bytes' | 'mesh'

/** What carries one request to an endpoint: a connection of HTTP/1.1, a stream of HTTP/2, a connection of bytes. */
export interface ClientCarriage {
  /** The connection below it. */
  readonly socket: Socket
  /** Whether the connection was there before: a reset now may be the far side's idle limit (a keep-alive race). */
  readonly reused: boolean
  /** Whether a request can be sent on it now. */
  readonly usable: boolean
  /** Sends a head. A body follows by `write` and `finish`. */
  send(head: RequestHead, events: ClientEvents): void
  /** A piece of the request's body, valid until the call returns. `false`: wait for `onDrain`. */
  write(chunk: Buffer): boolean
  /** The body is whole. */
  finish(trailers: Headers | undefined): void
  /** The answer is wanted again. */
  resume(): void
  /** The asker wants no more of this answer; what can be saved of the connection is saved. */
  discardAnswer(): void
  /** The asker has lost interest, also before anything was sent. */
  abandon(): void
  /** Not wanted now, but in order: for another request. */
  giveBack(): void
}
