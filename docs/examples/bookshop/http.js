// What the five services share: a router over node:http, JSON in and out, and an end without a lost answer.
import { createServer } from 'node:http'

/** A request's body has at most this many bytes; an order is far smaller. */
const BODY_BYTES_MAX = 64 * 1024
/** From SIGTERM on each answer ends its connection, so that none is kept open, and the sidecar sends no further request. */
let ending = false

/** An answer that is not the happy one. */
export class HttpError extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

/**
 * Serves on the port that the environment names. `routes` maps "METHOD /path/:part" to a function of
 * `{ params, query, headers, body }` that returns `{ status?, headers?, json }` or `{ html }`.
 */
export function serve(name, routes) {
  const table = Object.entries(routes).map(([key, answer]) => {
    const [method, path] = key.split(' ')
    return { method, pattern: new RegExp(`^${path.replace(/:([a-z]+)/g, '(?<$1>[^/]+)')}$`), answer }
  })
  const server = createServer((request, response) => {
    respond(table, request).then(
      answer => send(response, answer),
      error => {
        if (!(error instanceof HttpError)) console.error(`${request.method} ${request.url}: ${error.stack}`)
        send(response, { status: error.status ?? 500, json: { error: error.message } })
      },
    )
  })
  // The sidecar decides how long an idle connection lives, so this end must not be the first to close it.
  server.keepAliveTimeout = 120_000
  server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () =>
    console.log(`${name} listens on ${server.address().port}`),
  )
  process.once('SIGTERM', () => {
    ending = true
    server.close(() => process.exit(0))
    server.closeIdleConnections()
  })
}

async function respond(table, request) {
  const url = new URL(request.url, 'http://localhost')
  for (const { method, pattern, answer } of table) {
    const match = method === request.method ? pattern.exec(url.pathname) : null
    if (match === null) continue
    const body = method === 'GET' ? undefined : await readJson(request)
    return answer({ params: match.groups ?? {}, query: url.searchParams, headers: request.headers, body })
  }
  throw new HttpError(404, `nothing at ${request.method} ${url.pathname}`)
}

async function readJson(request) {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (text.length > BODY_BYTES_MAX) throw new HttpError(413, 'the body is too large')
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new HttpError(400, 'the body is not JSON')
  }
}

function send(response, { status = 200, headers = {}, json, html }) {
  const body = html ?? JSON.stringify(json)
  const type = html === undefined ? 'application/json' : 'text/html; charset=utf-8'
  const more = ending ? { ...headers, connection: 'close' } : headers
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...more })
  response.end(body)
}

/**
 * Calls another service by its name (`http://catalog/books`): the environment sends it through this program's sidecar.
 * `from` is the incoming request's headers, so that the trace goes on. Throws `HttpError` 502 when the answer is not a good one.
 */
export async function call(url, { from = {}, ...options } = {}) {
  const trace = Object.fromEntries(
    ['traceparent', 'tracestate', 'x-user-group'].flatMap(name =>
      from[name] === undefined ? [] : [[name, from[name]]],
    ),
  )
  const body = options.body === undefined ? {} : { body: JSON.stringify(options.body) }
  const headers = {
    ...trace,
    ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...options.headers,
  }
  const answer = await fetch(url, { ...options, ...body, headers })
  if (!answer.ok) {
    const why = answer.headers.get('x-selvedge-cause') ?? (await answer.text()).slice(0, 200)
    throw new HttpError(answer.status === 404 ? 404 : 502, `${url} answered ${answer.status}: ${why}`)
  }
  return answer.json()
}

/** A little work: the time that a database would take, with a tail. */
export function think(meanMs) {
  const ms = Math.min(meanMs * 6, -meanMs * Math.log(1 - Math.random()))
  return new Promise(resolve => setTimeout(resolve, ms))
}
