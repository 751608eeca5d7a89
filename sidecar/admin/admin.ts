import { type Exchange, ownHead, pathOf } from '../http/mod.ts'
import { type MetricsView, renderMetrics } from '../telemetry/mod.ts'
import { ration } from './ration.ts'

/** What the admin pages show. */
export interface AdminView {
  readonly metrics: MetricsView
  ready(): { readonly ready: boolean; readonly why: string }
  /** JSON-able: policy in force, endpoints and what was learnt of them, identity, connection to the control plane. */
  config(): unknown
  endpoints(): unknown
  identity(): unknown
  status(): unknown
}

const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json'

/** Health and metrics: for probes and Prometheus, on a port of their own. */
export function metricsPages(view: AdminView): (x: Exchange) => void {
  const metrics = ration(
    () => renderMetrics(view.metrics),
    () => performance.now(),
  )
  return x => {
    switch (page(x)) {
      case 'GET /metrics':
        metrics().then(
          ({ contentType, text }) => send(x, 200, contentType, text),
          error =>
            send(x, 500, TEXT, `Cannot render metrics: ${error instanceof Error ? error.message : String(error)}\n`),
        )
        return
      case 'GET /healthz':
        send(x, 200, TEXT, 'ok\n')
        return
      case 'GET /readyz': {
        const { ready, why } = view.ready()
        send(x, ready ? 200 : 503, TEXT, `${why}\n`)
        return
      }
      default:
        send(x, 404, TEXT, 'There are /metrics, /healthz and /readyz.\n')
    }
  }
}

/** All that a sidecar can be asked; on loopback alone. */
export function adminPages(view: AdminView): (x: Exchange) => void {
  const others = metricsPages(view)
  return x => {
    switch (page(x)) {
      case 'GET /config':
        return json(x, view.config())
      case 'GET /endpoints':
        return json(x, view.endpoints())
      case 'GET /identity':
        return json(x, view.identity())
      case 'GET /status':
        return json(x, view.status())
      case 'GET /':
        return send(x, 200, TEXT, 'selvedge sidecar: /config /endpoints /identity /status /metrics /healthz /readyz\n')
      default:
        others(x)
    }
  }
}

function page(x: Exchange): string {
  return `${x.request.method === 'HEAD' ? 'GET' : x.request.method} ${pathOf(x.request.target)}`
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
  404: 'Not Found',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
