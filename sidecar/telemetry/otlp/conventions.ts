// Names of OpenTelemetry's semantic conventions 1.45, HTTP spans and resources, all of them stable; and our own below `selvedge.`.
// https://opentelemetry.io/docs/specs/semconv/http/http-spans/

export const HTTP_REQUEST_METHOD = 'http.request.method'
export const HTTP_REQUEST_METHOD_ORIGINAL = 'http.request.method_original'
export const HTTP_REQUEST_RESEND_COUNT = 'http.request.resend_count'
export const HTTP_RESPONSE_STATUS_CODE = 'http.response.status_code'
export const URL_FULL = 'url.full'
export const URL_PATH = 'url.path'
export const URL_SCHEME = 'url.scheme'
export const SERVER_ADDRESS = 'server.address'
export const SERVER_PORT = 'server.port'
export const NETWORK_PEER_ADDRESS = 'network.peer.address'
export const NETWORK_PEER_PORT = 'network.peer.port'
export const NETWORK_PROTOCOL_VERSION = 'network.protocol.version'
/** Of the conventions for gRPC. */
export const RPC_GRPC_STATUS_CODE = 'rpc.grpc.status_code'
export const ERROR_TYPE = 'error.type'

export const SERVICE_NAME = 'service.name'
export const SERVICE_NAMESPACE = 'service.namespace'
export const SERVICE_INSTANCE_ID = 'service.instance.id'

/** `client`, `server` or `attempt`: an exchange at its caller, at its callee, or one try of it. */
export const SELVEDGE_SPAN = 'selvedge.span'
/** `namespace/name`: who asked. */
export const SELVEDGE_SOURCE = 'selvedge.source'
/** `namespace/name` of the Service (or the workload). */
export const SELVEDGE_DESTINATION = 'selvedge.destination'
/** `namespace/name` of the route that decided. */
export const SELVEDGE_ROUTE = 'selvedge.route'
/** Why the mesh answered itself, as in `x-selvedge-cause`. */
export const SELVEDGE_CAUSE = 'selvedge.cause'
export const SELVEDGE_MTLS = 'selvedge.mtls'
/** Of an exchange: how many attempts there were. */
export const SELVEDGE_ATTEMPTS = 'selvedge.attempts'
/** Of an attempt: how it ended, as in `selvedge_attempts_total`. */
export const SELVEDGE_OUTCOME = 'selvedge.outcome'
/** The caller went away before the answer was whole. */
export const SELVEDGE_CALLER_LEFT = 'selvedge.caller_left'

/** What `http.request.method` may hold: RFC 9110, RFC 5789 (PATCH), and QUERY. Others are `_OTHER`, so that the set stays small. */
export const KNOWN_METHODS: ReadonlySet<string> = new Set([
  ...['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE', 'QUERY'],
])
