import { type Exchange, ownHead, pathOf } from '../http/mod.ts'
import { type MetricsView, renderMetrics } from '../telemetry/mod.ts'
import { ADMIN_FILE } from './access.ts'
import { ration } from './ration.ts'

/** What the admin pages show. */
export interface AdminView {
  metrics(): Promise<MetricsView>
  /** Whether all threads that carry traffic answer. */
  alive(): Promise<boolean>
  ready(): { readonly ready: boolean; readonly why: string }
  /** JSON-able: policy in force, endpoints and what was learnt of them, identity, connection to the control plane. */
  config(): Promise<unknown>
  endpoints(): Promise<unknown>
  identity(): unknown
  status(): unknown
  /** How far a drain is. */
  drain(): Promise<unknown>
  /** Takes no new work from now on. */
  beginDrain(): void
  /** Whether a request that carries this `Authorization` may change anything. */
  admits(authorization: string | undefined): boolean
}

const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json'

/** Health and metrics: for probes and Prometheus, on a port of their own. */
export function metricsPages(view: AdminView): (x: Exchange) => void {
  const metrics = ration(
    () => view.metrics(),
    renderMetrics,
    () => performance.now(),
  )
  return x => {
    switch (page(x)) {
      case 'GET /metrics':
        metrics().then(
          ({ contentType, text }) => send(x, 200, contentType, text),
          error => send(x, 500, TEXT, `Cannot render metrics: ${messageOf(error)}\n`),
        )
        return
      // Who answers has an event loop that turns, and so have all its threads; nothing else that is wrong would be mended by a restart.
      case 'GET /healthz':
      case 'GET /livez':
        void view.alive().then(alive => send(x, alive ? 200 : 503, TEXT, alive ? 'ok\n' : 'a worker stands still\n'))
        return
      case 'GET /readyz': {
        const { ready, why } = view.ready()
        send(x, ready ? 200 : 503, TEXT, `${why}\n`)
        return
      }
      default:
        send(x, 404, TEXT, 'There are /metrics, /livez, /healthz and /readyz.\n')
    }
  }
}

/** All that a sidecar can be asked; on loopback alone. */
export function adminPages(view: AdminView): (x: Exchange) => void {
  const others = metricsPages(view)
  return x => {
    switch (page(x)) {
      case 'GET /config':
        return jsonWhenKnown(x, view.config())
      case 'GET /endpoints':
        return jsonWhenKnown(x, view.endpoints())
      case 'GET /identity':
        return json(x, view.identity())
      case 'GET /status':
        return json(x, view.status())
      case 'GET /drain':
        return jsonWhenKnown(x, view.drain())
      case 'POST /drain':
        if (!view.admits(x.request.headers.get('authorization'))) {
          send(x, 403, TEXT, `Cannot drain: it takes the token in ${ADMIN_FILE} of the sidecar's --state-dir.\n`)
          return
        }
        view.beginDrain()
        return jsonWhenKnown(x, view.drain())
      case 'GET /':
        return send(
          x,
          200,
          TEXT,
          'selvedge sidecar: /config /endpoints /identity /status /drain /metrics /livez /healthz /readyz\n',
        )
      default:
        others(x)
    }
  }
}

function page(x: Exchange): string {
  return `${x.request.method === 'HEAD' ? 'GET' : x.request.method} ${pathOf(x.request.target)}`
}

function jsonWhenKnown(x: Exchange, value: Promise<unknown>): void {
  value.then(
    known => json(x, known),
    error => send(x, 500, TEXT, `Cannot tell: ${messageOf(error)}\n`),
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function json(x: Exchange, value: unknown): void {
  send(x, 200, JSON_TYPE, `${JSON.stringify(value, null, 2)}\n`)
}

function send(x: Exchange, status: number, contentType: string, text: string): void {
  const body = Buffer.from(text)
  x.reply(ownHead(status, REASONS[status] ?? '', [['content-type', contentType]], body.length), body)
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
