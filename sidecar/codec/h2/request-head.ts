import { err, ok, type Result, TARGET_BYTES_MAX } from '../../../common/mod.ts'
import {
  type BodyFraming,
  CHUNKED,
  isHost,
  isTargetByte,
  isTokenByte,
  NO_BODY,
  ownText,
  type RequestHead,
} from '../../http/mod.ts'
import type { HeadFields } from './head-fields.ts'

/**
 * Why a request's head isn't served. With a `status` it is answered; without, its stream is reset with PROTOCOL_ERROR, as a malformed request
 * (RFC 9113, 8.1.1). `detail` is for logs.
 */
export interface RequestFault {
  readonly status: 400 | 414 | 417 | 0
  readonly detail: string
}

const malformed = (detail: string): Result<never, RequestFault> => err({ status: 0, detail })

/**
 * Makes a request of the fields that were gathered (RFC 9113, 8.3.1; RFC 8441, 4 for CONNECT with a protocol, which becomes the GET with an upgrade that it
 * stands for). `atEdge`: who sent it is an application, whose protocol is the edge's; else what the far sidecar says of it.
 */
export function readRequestHead(
  fields: HeadFields,
  endStream: boolean,
  atEdge: boolean,
): Result<RequestHead, RequestFault> {
  if (fields.malformed !== '') return malformed(fields.malformed)
  const { method, path, host } = fields
  if (fields.status !== '') return malformed('a status in a request')
  if (!isMethod(method)) return malformed('a malformed method')
  const connect = method === 'CONNECT' && fields.protocol === undefined
  if (connect) {
    if (fields.scheme !== '' || path !== undefined) return malformed('a CONNECT with a scheme or a path')
  } else if (!isScheme(fields.scheme) || path === undefined || path === '') return malformed('no scheme or no path')
  const authority = fields.authority ?? host ?? ''
  if (fields.authority !== undefined && !isKnownHost(fields, fields.authority))
    return malformed('a malformed authority')
  if (host !== undefined && fields.authority !== undefined && !sameHost(host, fields.authority))
    return err({ status: 400, detail: 'the authority and Host differ' })
  if (authority === '') return err({ status: 400, detail: 'no authority' })
  const target = connect ? connectTarget(authority) : targetOf(method, path ?? '')
  if (!target.ok) return target
  if (fields.expect !== undefined && fields.expect.toLowerCase() !== '100-continue')
    return err({ status: 417, detail: 'an unknown Expect' })
  const upgrade = fields.protocol
  if (upgrade !== undefined && (method !== 'CONNECT' || !isProtocol(upgrade))) return malformed('a malformed protocol')
  const body = upgrade !== undefined || connect ? NO_BODY : bodyOf(fields.contentLength, endStream)
  if (endStream && fields.contentLength > 0) return malformed('a length without a body')
  if ((upgrade !== undefined || connect) && endStream) return malformed('a CONNECT that ends at once')
  const headers = fields.headers()
  if ((upgrade !== undefined || connect) && fields.contentLength !== -1) {
    // RFC 9110, 9.3.6. As a request of HTTP/1.1 it would announce a body that nobody sends: the next request would be taken for it.
    if (fields.contentLength > 0) return malformed('a CONNECT with a length')
    headers.remove('content-length')
  }
  return ok({
    method: upgrade === undefined ? method : 'GET',
    target: target.value,
    authority,
    headers,
    body,
    httpVersion: atEdge || fields.edgeHttp2 || fields.grpc ? 2 : 1,
    grpc: fields.grpc,
    minorVersion: 1,
    keepAlive: true,
    expectContinue: fields.expect !== undefined,
    upgrade: upgrade === undefined ? undefined : ownText(upgrade),
    hasMeshFields: fields.hasMeshFields,
    traceparent: fields.traceparent,
  })
}

/** Applications name the same few with each request: the one that was looked at last needs no second look. */
function isKnownHost(fields: HeadFields, authority: string): boolean {
  if (authority === fields.knownHost) return true
  if (!isHost(authority)) return false
  fields.knownHost = ownText(authority)
  return true
}

function bodyOf(contentLength: number, endStream: boolean): BodyFraming {
  if (endStream) return NO_BODY
  if (contentLength === 0) return NO_BODY
  return contentLength > 0 ? { kind: 'length', length: contentLength } : CHUNKED
}

function isMethod(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'POST':
      return true
    case '':
      return false
    default:
      for (let i = 0; i < method.length; i++) if (!isTokenByte(method.charCodeAt(i))) return false
      return true
  }
}

function isScheme(scheme: string): boolean {
  return scheme === 'http' || scheme === 'https'
}

function isProtocol(protocol: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z/-]{1,64}$/.test(protocol) && !/^(?:h2c?|h3|https?)(?:\/|$)/i.test(protocol)
}

function connectTarget(authority: string): Result<string, RequestFault> {
  return /:[0-9]{1,5}$/.test(authority) ? ok(authority) : err({ status: 400, detail: 'CONNECT wants host:port' })
}

function targetOf(method: string, path: string): Result<string, RequestFault> {
  if (path.length > TARGET_BYTES_MAX) return err({ status: 414, detail: 'the target is too long' })
  if (path.charCodeAt(0) !== 47 && !(path === '*' && method === 'OPTIONS')) return malformed('a malformed path')
  for (let i = 0; i < path.length; i++) if (!isTargetByte(path.charCodeAt(i))) return malformed('a malformed path')
  return ok(path)
}

/** Case doesn't matter, nor a port that is left out where it is the scheme's. */
function sameHost(a: string, b: string): boolean {
  return a === b || withoutPort(a) === withoutPort(b)
}

function withoutPort(authority: string): string {
  return authority.toLowerCase().replace(/:(?:80|443)$/, '')
}
