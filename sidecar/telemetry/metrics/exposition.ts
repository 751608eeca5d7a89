import { latencyCellEndUs } from '../../../model/telemetry/mod.ts'
import type { Instruments } from './instruments.ts'
import type { Meter, MeterLabels } from './meter.ts'
import { type StrainView, strainMetrics } from './strain.ts'

/** What the exposition reads besides the instruments, at the moment of a scrape. */
export interface MetricsView {
  readonly instruments: Instruments
  /** Endpoints by service and state. */
  endpoints(): Iterable<{ readonly destination: string; readonly state: 'healthy' | 'ejected'; readonly count: number }>
  /** By service: 1 while the breaker refuses. */
  circuits(): Iterable<{ readonly destination: string; readonly open: boolean; readonly budgetRatio: number }>
  certificateExpiryMs(): number | undefined
  configUpdates(): { readonly applied: number; readonly refused: number }
  controlPlaneConnected(): boolean
  /** Spans that a collector took, and those that nobody will see, by why. */
  spans(): { readonly exported: number; readonly dropped: Readonly<Record<string, number>> }
  strain(): StrainView
}

/** Bucket bounds in microseconds: powers of two, where the cells of the histogram are cut. 0.128 ms to 67 s. */
const BUCKET_POWERS = [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 24, 26]

type Labels = Record<string, string>

/**
 * Renders all metrics in Prometheus' text format through prom-client, which is loaded at the first scrape: a sidecar that nobody
 * scrapes doesn't pay for it.
 */
export async function renderMetrics(
  view: MetricsView,
): Promise<{ readonly contentType: string; readonly text: string }> {
  const { Registry, Counter, Gauge } = await import('prom-client')
  const registry = new Registry()
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers: [registry] })
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  const { instruments } = view

  const requests = counter('selvedge_requests_total', 'Exchanges that have ended.', REQUEST_LABELS)
  const bytes = counter('selvedge_bytes_total', 'Body bytes.', ['direction', 'source', 'destination', 'kind'])
  const retries = counter('selvedge_retries_total', 'Attempts after the first.', ['source', 'destination', 'route'])
  for (const meter of instruments.meters.all()) {
    const { direction, source, destination, route, protocol, tls } = meter.labels
    meter.forEachCode((status, cause, count, grpcStatus) => {
      const labels: Labels = {
        direction,
        source,
        destination,
        route,
        protocol,
        grpc_status: grpcStatus < 0 ? '' : String(grpcStatus),
        tls,
      }
      requests.inc({ ...labels, code: String(status), cause: cause ?? '' }, count)
    })
    bytes.inc({ direction, source, destination, kind: 'request' }, meter.requestBytes)
    bytes.inc({ direction, source, destination, kind: 'answer' }, meter.answerBytes)
    if (direction === 'outbound') retries.inc({ source, destination, route }, meter.retries)
  }

  const attempts = counter('selvedge_attempts_total', 'Attempts that have ended, by how.', ['class'])
  for (const [outcome, count] of instruments.attempts) attempts.inc({ class: outcome }, count)
  const refusals = counter('selvedge_refusals_total', 'Refused before there was an exchange.', ['cause'])
  for (const [cause, count] of instruments.refusals) refusals.inc({ cause }, count)
  const detections = counter('selvedge_detection_total', 'Protocols found inside connections.', ['result'])
  for (const [result, count] of instruments.detections) detections.inc({ result }, count)
  counter('selvedge_ejections_total', 'Endpoints ejected as outliers.', []).inc(instruments.ejections)
  counter('selvedge_broken_exchanges_total', 'Exceptions inside an exchange; each is a bug.', []).inc(
    instruments.brokenExchanges,
  )
  const connections = gauge('selvedge_connections_active', 'Connections from callers.', ['direction'])
  connections.set({ direction: 'inbound' }, instruments.inboundConnections)
  connections.set({ direction: 'outbound' }, instruments.outboundConnections)
  const tunnels = gauge('selvedge_tunnels_active', 'Connections that carry bytes as they are.', ['direction'])
  tunnels.set({ direction: 'inbound' }, instruments.inboundTunnels)
  tunnels.set({ direction: 'outbound' }, instruments.outboundTunnels)
  const updates = counter('selvedge_config_updates_total', 'Policy updates.', ['result'])
  const { applied, refused } = view.configUpdates()
  updates.inc({ result: 'applied' }, applied)
  updates.inc({ result: 'refused' }, refused)
  const endpoints = gauge('selvedge_endpoints', 'Endpoints of services in use.', ['destination', 'state'])
  for (const { destination, state, count } of view.endpoints()) endpoints.set({ destination, state }, count)
  const circuits = gauge('selvedge_circuit_state', '1 while the circuit breaker refuses requests.', ['destination'])
  const budgets = gauge('selvedge_retry_budget_ratio', 'Share of the retry budget that is spent.', ['destination'])
  for (const { destination, open, budgetRatio } of view.circuits()) {
    circuits.set({ destination }, open ? 1 : 0)
    budgets.set({ destination }, budgetRatio)
  }
  const expiry = view.certificateExpiryMs()
  const certificate = gauge(
    'selvedge_certificate_expiry_timestamp_seconds',
    "When this sidecar's certificate ends.",
    [],
  )
  if (expiry !== undefined) certificate.set(expiry / 1000)
  gauge('selvedge_control_plane_connected', '1 while the control plane (or the file) is there.', []).set(
    view.controlPlaneConnected() ? 1 : 0,
  )
  const spans = view.spans()
  counter('selvedge_spans_exported_total', 'Spans that the collector took.', []).inc(spans.exported)
  const lost = counter('selvedge_spans_dropped_total', 'Spans that were kept and came nowhere.', ['reason'])
  for (const [reason, count] of Object.entries(spans.dropped)) lost.inc({ reason }, count)

  const loopDelay = strainMetrics({ counter, gauge }, view.strain())

  const text = (await registry.metrics()) + durationLines(instruments.meters.all()) + loopDelay
  return { contentType: registry.contentType, text }
}

const REQUEST_LABELS = [
  'direction',
  'source',
  'destination',
  'route',
  'protocol',
  'code',
  'grpc_status',
  'cause',
  'tls',
]

/** prom-client's histograms can only observe; ours have been counted already, so their lines are written here. */
function durationLines(meters: Iterable<Meter>): string {
  const name = 'selvedge_request_duration_seconds'
  let out = `# HELP ${name} Time from a request's head to the end of its answer.\n# TYPE ${name} histogram\n`
  for (const meter of meters) {
    // How long a connection of bytes lasts says nothing of anybody's speed.
    if (meter.labels.protocol === 'tcp') continue
    const labels = durationLabels(meter.labels)
    let count = 0
    let cell = 0
    for (const power of BUCKET_POWERS) {
      const endUs = 2 ** power
      while (cell < meter.latency.length && latencyCellEndUs(cell) <= endUs) count += meter.latency[cell++]!
      out += `${name}_bucket{${labels},le="${endUs / 1e6}"} ${count}\n`
    }
    out += `${name}_bucket{${labels},le="+Inf"} ${meter.requests}\n`
    out += `${name}_sum{${labels}} ${meter.latencySumUs / 1e6}\n${name}_count{${labels}} ${meter.requests}\n`
  }
  return out
}

/** Names of services and routes are DNS labels and slashes: nothing in them wants escaping. */
function durationLabels({ direction, source, destination, route, tls }: MeterLabels): string {
  return `direction="${direction}",source="${source}",destination="${destination}",route="${route}",tls="${tls}"`
}
