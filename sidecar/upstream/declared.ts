import type { Protocol } from '../../model/snapshot/mod.ts'
import { isBytes, type RequestHead } from '../http/mod.ts'
import type { CarriageKind } from '../session/mod.ts'

/** The version of HTTP that a port is declared to speak; `undefined`: the one that the request was made in. */
export function versionOf(protocol: Protocol | undefined): 1 | 2 | undefined {
  switch (protocol) {
    case 'http':
      return 1
    case 'http2':
    case 'grpc':
      return 2
    default:
      return undefined
  }
}

/**
 * How a request is carried to an application itself: as its port declares, else as it was made. Calls of gRPC's are always HTTP/2, as nothing else has
 * their trailers; and a switch of protocols is HTTP/1.1 unless both sides know RFC 8441, which few servers do.
 */
export function carriageTo(declared: 1 | 2 | undefined, request: RequestHead): CarriageKind {
  const { upgrade, httpVersion, grpc } = request
  if (isBytes(request)) return 'bytes'
  if (upgrade !== undefined) return declared === 2 && httpVersion === 2 ? 'http2' : 'http1'
  return grpc || (declared ?? httpVersion) === 2 ? 'http2' : 'http1'
}
