import type { KeptSpan } from '../mod.ts'
import * as name from './conventions.ts'

const HTTP_PORT = 80

/** What a span is called and says, by the semantic conventions for HTTP. */
export interface SpanDescription {
  readonly name: string
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  /** `undefined`: nothing failed. */
  readonly error: { readonly type: string; readonly message: string } | undefined
}

/** Pure. A path's query is no part of it, in `url.full` neither: tokens travel there. */
export function describeSpan(span: KeptSpan): SpanDescription {
  const { kind, method, path, attempts } = span
  const known = name.KNOWN_METHODS.has(method)
  const { host, port, hostport } = serverOf(span.authority)
  const error = errorOf(span)
  const attributes: Record<string, string | number | boolean> = {
    [name.HTTP_REQUEST_METHOD]: known ? method : '_OTHER',
    [name.URL_SCHEME]: 'http',
    [name.URL_PATH]: path,
    [name.NETWORK_PROTOCOL_VERSION]: span.httpVersion === 2 ? '2' : `1.${span.minorVersion}`,
    [name.SELVEDGE_SPAN]: kind,
    [name.SELVEDGE_SOURCE]: span.source,
    [name.SELVEDGE_DESTINATION]: span.destination,
    [name.SELVEDGE_MTLS]: span.mtls,
  }
  const set = (key: string, value: string | number | boolean | undefined): void => {
    if (value !== undefined && value !== '') attributes[key] = value
  }
  if (!known) set(name.HTTP_REQUEST_METHOD_ORIGINAL, method)
  set(name.SERVER_ADDRESS, host)
  if (host !== '') set(name.SERVER_PORT, port)
  if (kind !== 'server' && host !== '' && path.startsWith('/')) set(name.URL_FULL, `http://${hostport}${path}`)
  if (hasAnswer(span)) set(name.HTTP_RESPONSE_STATUS_CODE, span.status)
  set(name.RPC_GRPC_STATUS_CODE, span.grpcStatus)
  if (kind !== 'server') setPeer(set, span.endpoint)
  if (kind === 'attempt') {
    if (attempts > 1) set(name.HTTP_REQUEST_RESEND_COUNT, attempts - 1)
    set(name.SELVEDGE_OUTCOME, span.outcome)
  } else if (kind === 'client') set(name.SELVEDGE_ATTEMPTS, attempts)
  set(name.SELVEDGE_ROUTE, span.route)
  set(name.SELVEDGE_CAUSE, span.cause)
  if (span.callerLeft) set(name.SELVEDGE_CALLER_LEFT, true)
  set(name.ERROR_TYPE, error?.type)
  // The conventions want names of few values: a path is none, and a route's template isn't known here.
  return { name: known ? method : 'HTTP', attributes, error }
}

/** 499 is what we write down where the caller left first; nobody was answered with it. */
function hasAnswer({ status, callerLeft }: KeptSpan): boolean {
  return status !== 0 && !(callerLeft && status === 499)
}

/** HTTP spans, "Status" (gRPC's by the HTTP status that stands for its own): 5xx for both sides, 4xx for a client alone; and whatever ended without a whole answer. */
function errorOf(span: KeptSpan): SpanDescription['error'] {
  const { kind, status, cause, outcome, detail, grpcStatus, judged } = span
  const bad = hasAnswer(span) && judged >= (kind === 'server' ? 500 : 400)
  // A refusal below 500 is the caller's error: the server did as it should.
  if (cause !== undefined && (bad || kind !== 'server' || judged < 400))
    return { type: cause, message: detail || cause }
  if (bad) return { type: String(grpcStatus ?? status), message: '' }
  if (outcome !== undefined && outcome !== 'success' && outcome !== 'cancelled')
    return { type: outcome, message: outcome }
  return undefined
}

function setPeer(set: (key: string, value: string | number) => void, endpoint: string): void {
  const colon = endpoint.lastIndexOf(':')
  if (colon === -1) return
  set(name.NETWORK_PEER_ADDRESS, endpoint.slice(0, colon))
  set(name.NETWORK_PEER_PORT, Number(endpoint.slice(colon + 1)))
}

function serverOf(authority: string): { readonly host: string; readonly port: number; readonly hostport: string } {
  const match = /^(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?$/.exec(authority)
  if (match === null) return { host: '', port: HTTP_PORT, hostport: '' }
  const written = match[1]!
  const host = written.startsWith('[') ? written.slice(1, -1) : written
  return { host, port: match[2] === undefined ? HTTP_PORT : Number(match[2]), hostport: authority }
}
