import { Headers } from './headers.ts'

/** No status is known: it is no gRPC, or its answer has not ended. */
export const NO_GRPC_STATUS = -1

/** What the codes are called that we use ourselves (gRPC's `statuscodes.md`). */
export const GRPC = {
  unknown: 2,
  deadlineExceeded: 4,
  permissionDenied: 7,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** The last code there is. */
const CODE_MAX = 16

/**
 * The code that stands for an HTTP status, as gRPC's `http-grpc-status-mapping.md` has it, but for two that we know to mean more where the mesh itself gives
 * them: 504 is a time limit, and 500 a backend that can't be (GW-7).
 */
export function grpcStatusOfHttp(status: number): number {
  switch (status) {
    case 400:
      return GRPC.internal
    case 401:
      return GRPC.unauthenticated
    case 403:
      return GRPC.permissionDenied
    case 404:
      return GRPC.unimplemented
    case 429:
    case 500:
    case 502:
    case 503:
      return GRPC.unavailable
    case 504:
      return GRPC.deadlineExceeded
    default:
      return GRPC.unknown
  }
}

/** By code, from 0: what `google.rpc.Code` says of each. */
const HTTP_STATUS = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401] as const

/** The HTTP status by which an answer's code is judged: by retry rules, ejection and success rates, which know no other. */
export function httpStatusOfGrpc(code: number): number {
  return HTTP_STATUS[code] ?? 500
}

/** The code that a head or trailers hold; what is no code counts as UNKNOWN, as with gRPC's own clients. NO_GRPC_STATUS where they hold none. */
export function grpcStatusIn(fields: Headers): number {
  const text = fields.get('grpc-status')
  if (text === undefined) return NO_GRPC_STATUS
  const code = /^[0-9]{1,2}$/.test(text) ? Number(text) : GRPC.unknown
  return code <= CODE_MAX ? code : GRPC.unknown
}

/** The fields that say how a call ended, and why the mesh ended it: those of a head that is all of its answer, or of trailers. */
export function grpcFields(code: number, message: string, cause: string): [name: string, value: string][] {
  return [
    ['grpc-status', String(code)],
    ['grpc-message', percentEncoded(message)],
    ['x-selvedge-cause', cause],
  ]
}

export function grpcTrailers(code: number, message: string, cause: string): Headers {
  return Headers.of(grpcFields(code, message, cause))
}

/** gRPC over HTTP/2, "Status-Message": UTF-8, of which all but visible ASCII is percent-encoded, and the percent sign. */
function percentEncoded(message: string): string {
  let out = ''
  for (const byte of Buffer.from(message)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    out += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
