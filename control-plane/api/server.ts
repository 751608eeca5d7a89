import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { err, type Result } from '../../common/mod.ts'
import { StoreUnavailable } from '../store/mod.ts'
import { bearerCheck } from './admin-token.ts'
import { readBody } from './body.ts'
import { type ApiAnswer, findRoute, type Route } from './router.ts'
import { type Refusal, statusOf } from './status.ts'

/** A head that takes longer than this to arrive is an attack, or a dead peer. */
const HEAD_TIMEOUT_MS = 10_000
/** 4 MiB over a slow line. */
const REQUEST_TIMEOUT_MS = 60_000
/** Node looks every 30 s by default: so long, connections without a word could keep everybody out. */
const TIMING = { connectionsCheckingInterval: 1_000 }
/** A mesh has few people at it at once, and each holds few connections. */
const CONNECTIONS_MAX = 1_024

export interface ApiServerOptions {
  /** `undefined` serves plaintext, which is for loopback alone. */
  readonly tls: TlsSource | undefined
  readonly token: string
  readonly routes: readonly Route[]
  /** An exception in a call: ours to mend. */
  readonly failed: (error: unknown, call: string) => void
}

/** The server's certificate, which is replaced as time goes by. */
export interface TlsSource {
  current(): TlsIdentity
  onChange(listener: (identity: TlsIdentity) => void): () => void
}

export interface TlsIdentity {
  /** PEM, leaf first. */
  readonly chainPem: string
  readonly privateKeyPem: string
}

/** Who bears the one token that there is. */
const ADMIN = 'admin'

/** A server for the API that doesn't listen yet. */
export function apiServer(options: ApiServerOptions): Server {
  const authorized = bearerCheck(options.token)
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    answer(options, authorized, request, response).catch((error: unknown) => {
      // A caller that goes away in mid-body is no fault of anybody's here.
      if (request.destroyed && !request.complete) return
      if (error instanceof StoreUnavailable) return send(response, err({ code: 503, message: error.message }))
      options.failed(error, `${request.method} ${request.url?.slice(0, 200)}`)
      const message = 'Cannot answer: the control plane has a fault. Its log tells more.'
      send(response, err({ code: 500, message }))
    })
  }
  const server = options.tls === undefined ? createServer(TIMING, serve) : tlsServer(options.tls, serve)
  server.headersTimeout = HEAD_TIMEOUT_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.maxConnections = CONNECTIONS_MAX
  return server
}

function tlsServer(source: TlsSource, serve: RequestListener): Server {
  const context = ({ chainPem, privateKeyPem }: TlsIdentity) => ({
    cert: chainPem,
    key: privateKeyPem,
    minVersion: 'TLSv1.3' as const,
  })
  const server = createTlsServer({ ...context(source.current()), ...TIMING }, serve)
  server.once(
    'close',
    source.onChange(identity => server.setSecureContext(context(identity))),
  )
  return server
}

async function answer(
  options: ApiServerOptions,
  authorized: (authorization: string | undefined) => boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '', search = ''] = split(request.url ?? '')
  const found = findRoute(options.routes, request.method ?? '', path)
  // Without the token nobody learns which paths there are.
  if (!(found.ok && found.value.route.open === true) && !authorized(request.headers.authorization)) {
    const message =
      'Cannot use the API: the bearer token is missing or wrong. It is in admin.token in the data folder of the control plane.'
    return send(response, err({ code: 401, message }))
  }
  if (!found.ok) return send(response, found)
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const { route, params } = found.value
  const result = await route.answer({
    actor: ADMIN,
    params,
    query: new URLSearchParams(search),
    signal: gone.signal,
    body: () => readBody(request),
  })
  send(response, result)
}

function split(url: string): readonly [path: string, search: string] {
  const mark = url.indexOf('?')
  return mark === -1 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)]
}

function send(response: ServerResponse, result: Result<ApiAnswer, Refusal>): void {
  if (response.headersSent || response.destroyed) return
  const code = result.ok ? result.value.code : result.error.code
  const body = Buffer.from(`${JSON.stringify(result.ok ? result.value.value : statusOf(result.error))}\n`)
  response.setHeader('content-type', 'application/json')
  response.setHeader('content-length', body.length)
  response.setHeader('cache-control', 'no-store')
  if (result.ok) {
    for (const warning of result.value.warnings ?? []) response.appendHeader('warning', warningValue(warning))
  } else {
    if (code === 401) response.setHeader('www-authenticate', 'Bearer')
    if (result.error.allow !== undefined) response.setHeader('allow', result.error.allow.join(', '))
    // What is left of a body that nobody reads must not be taken for the next request.
    if (bodyIsLeft(response.req)) response.setHeader('connection', 'close')
  }
  response.writeHead(code)
  response.end(body)
}

function bodyIsLeft({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
}

/** `299 - "text"`, as Kubernetes sends it (KEP-1693); what a header cannot carry is left out. */
function warningValue(text: string): string {
  return `299 - "${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, "'")}"`
}
