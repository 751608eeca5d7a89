import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { err, ok, type Result } from '../../common/mod.ts'
import { StoreUnavailable } from '../store/mod.ts'
import type { Access, Caller } from './access.ts'
import { mediaType, readBody } from './body.ts'
import { findRoute, type Route, type ValueAnswer } from './router.ts'
import { type Refusal, statusOf } from './status.ts'
import { sendStream } from './stream.ts'

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
  readonly access: Access
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

/** A server for the API that doesn't listen yet. */
export function apiServer(options: ApiServerOptions): Server {
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    answer(options, request, response).catch((error: unknown) => {
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

async function answer(options: ApiServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '', search = ''] = split(request.url ?? '')
  const found = findRoute(options.routes, request.method ?? '', path)
  const open = found.ok && found.value.route.open === true
  const caller = open ? NOBODY : await options.access.callerOf(request.headers.authorization)
  // Without a token nobody learns which paths there are.
  if (caller === undefined) return send(response, err(NO_TOKEN))
  if (!found.ok) return send(response, found)
  const { route, params } = found.value
  // Before a byte of the body is read.
  if (route.method !== 'GET' && caller.role !== 'write') return send(response, err(READ_ONLY))
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const denied = new AbortController()
  response.once(
    'close',
    options.access.onEnd(caller, () => denied.abort()),
  )
  const result = await route.answer({
    actor: caller.actor,
    params,
    query: new URLSearchParams(search),
    signal: AbortSignal.any([gone.signal, denied.signal]),
    contentType: mediaType(request),
    body: types => readBody(request, types),
  })
  // What was waited for is for those alone who may see it now. (A write has been done, and says so.)
  if (denied.signal.aborted && route.method === 'GET') send(response, err(NO_TOKEN))
  else if (!result.ok) send(response, result)
  else if ('stream' in result.value) sendStream(response, result.value, denied.signal)
  else send(response, ok(result.value))
}

/** For paths that are open to all. */
const NOBODY: Caller = { actor: 'nobody', role: 'read' }

const NO_TOKEN: Refusal = {
  code: 401,
  message:
    'Cannot use the API: the bearer token is missing, wrong or expired. It is in admin.token in the data folder of the control plane; "selvedge token create" makes others.',
}

const READ_ONLY: Refusal = {
  code: 403,
  message: 'Cannot write: the token is read-only. Use one that may write, such as the one in admin.token.',
}

function split(url: string): readonly [path: string, search: string] {
  const mark = url.indexOf('?')
  return mark === -1 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)]
}

function send(response: ServerResponse, result: Result<ValueAnswer, Refusal>): void {
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
