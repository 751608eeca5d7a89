import type { AttemptClass } from '../../../common/mod.ts'
import type { Span } from '../../../model/telemetry/mod.ts'

/** What a sidecar knows of a span beyond what it reports to the control plane. Texts hold no head alive. */
export interface KeptSpan extends Span {
  /** What the `traceparent` that went on said. An error is kept though nobody sampled it. */
  readonly sampled: boolean
  /** `tracestate` as it came, for whoever exports the span; empty where there was none. */
  readonly traceState: string
  /** The host, or host and port, that was asked for. */
  readonly authority: string
  readonly httpVersion: 1 | 2
  /** Of HTTP/1. */
  readonly minorVersion: 0 | 1
  /** How a call of gRPC's ended; `undefined` for all else. */
  readonly grpcStatus: number | undefined
  /** The HTTP status that it is judged by: that of `grpcStatus` where there is one. */
  readonly judged: number
  /** Over mTLS: to the endpoint; for `server`, from the caller. */
  readonly mtls: boolean
  /** Of an attempt: which one it was, from 1. Of an exchange: how many there were. */
  readonly attempts: number
  /** How an attempt ended; `undefined` for an exchange. */
  readonly outcome: AttemptClass | undefined
  /** Why there is a cause, in words; empty where nothing is known. */
  readonly detail: string
  /** The caller ended it. */
  readonly callerLeft: boolean
}

/** Takes spans as they are kept. */
export interface SpanExport {
  /** Whether anybody wants them now. */
  readonly wanted: boolean
  add(span: KeptSpan): void
}
