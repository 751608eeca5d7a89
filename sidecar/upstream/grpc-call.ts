import { isCause } from '../../common/mod.ts'
import {
  type Exchange,
  GRPC,
  grpcStatusIn,
  grpcTimeoutText,
  grpcTrailers,
  type Headers,
  httpStatusOfGrpc,
  NO_GRPC_STATUS,
  type ResponseHead,
} from '../http/mod.ts'

/**
 * How a call ended. `status` is the HTTP status that its code is judged by; `undefined` where the head has said it all. `missing`: the endpoint has ended
 * its answer without saying how.
 */
export type GrpcEnd =
  | { readonly kind: 'said'; readonly status: number | undefined; readonly trailers: Headers | undefined }
  | { readonly kind: 'missing'; readonly detail: string; readonly trailers: Headers }

const MISSING = 'the endpoint ended a gRPC answer without a grpc-status'

/** What carrying a call of gRPC's asks for beside what any request does (gRPC over HTTP/2; gRFC A6 for retries). */
export class GrpcCall {
  private readonly x: Exchange
  /** Attempts that the caller has made before; -1 before anybody asked. */
  private attemptsBefore = -1
  /** The HTTP status of the answer. */
  private httpStatus = 0

  constructor(x: Exchange) {
    this.x = x
  }

  /** The head of an attempt says how much time remains, and how often it was tried already (RETRY-7). */
  beforeAttempt(retries: number, deadlineMs: number | undefined, nowMs: number): void {
    const { headers } = this.x.request
    if (deadlineMs !== undefined) headers.set('grpc-timeout', grpcTimeoutText(deadlineMs - nowMs))
    if (retries === 0) return
    if (this.attemptsBefore === -1) this.attemptsBefore = countIn(headers)
    headers.set('grpc-previous-rpc-attempts', String(this.attemptsBefore + retries))
  }

  /** The HTTP status that an answer's head is judged by: that of its code where it has one, and with it is the whole answer. */
  statusOf(head: ResponseHead): number {
    this.httpStatus = head.status
    const code = grpcStatusIn(head.headers)
    this.x.facts.grpcStatus = code
    return code === NO_GRPC_STATUS ? head.status : httpStatusOfGrpc(code)
  }

  /** An answer of 200 that nobody ends with a code ends with UNKNOWN, as gRPC's own clients have it; another status says enough itself. */
  endedWith(trailers: Headers | undefined): GrpcEnd {
    const { facts } = this.x
    const code = trailers === undefined ? NO_GRPC_STATUS : grpcStatusIn(trailers)
    if (code !== NO_GRPC_STATUS) {
      facts.grpcStatus = code
      // Only an authenticated sidecar's trailers still hold it here.
      const cause = trailers?.get('x-selvedge-cause')
      if (cause !== undefined && isCause(cause)) facts.cause = cause
      return { kind: 'said', status: httpStatusOfGrpc(code), trailers }
    }
    if (facts.grpcStatus !== NO_GRPC_STATUS || this.httpStatus !== 200)
      return { kind: 'said', status: undefined, trailers }
    facts.grpcStatus = GRPC.unknown
    const cause = 'upstream-protocol-error'
    return {
      kind: 'missing',
      detail: MISSING,
      trailers: grpcTrailers(GRPC.unknown, `selvedge: ${cause}: ${MISSING}`, cause),
    }
  }
}

function countIn(headers: Headers): number {
  const text = headers.get('grpc-previous-rpc-attempts')
  return text !== undefined && /^[0-9]{1,6}$/.test(text) ? Number(text) : 0
}
