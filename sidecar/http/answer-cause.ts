import type { Cause } from '../../common/mod.ts'
import { type Exchange, ownHead } from './exchange.ts'
import { grpcFields, grpcStatusOfHttp } from './grpc-status.ts'
import { NO_BODY, type ResponseHead } from './head.ts'
import { Headers } from './headers.ts'

const NOTHING = Buffer.alloc(0)

/** An answer of the mesh's own, in words: `x-selvedge-cause` for programs, a line of text for people; to gRPC what it takes for an answer. */
export function answerCause(x: Exchange, status: number, reason: string, cause: Cause, detail: string): void {
  if (x.request.grpc) {
    const code = grpcStatusOfHttp(status)
    x.facts.grpcStatus = code
    x.reply(trailersOnly(code, `selvedge: ${cause}: ${detail}`, cause), NOTHING)
    return
  }
  const body = Buffer.from(`selvedge: ${cause}: ${detail}\n`)
  const fields = [
    ['content-type', 'text/plain; charset=utf-8'],
    ['x-selvedge-cause', cause],
  ] as const
  x.reply(ownHead(status, reason, fields, body.length), body)
}

/** gRPC over HTTP/2, "Trailers-Only": a head that ends the stream, and says how the call ended. */
function trailersOnly(code: number, message: string, cause: Cause): ResponseHead {
  return {
    status: 200,
    reason: 'OK',
    headers: Headers.of([['content-type', 'application/grpc'], ...grpcFields(code, message, cause)]),
    body: NO_BODY,
    keepAlive: true,
    upgrade: undefined,
    hasMeshFields: false,
  }
}
