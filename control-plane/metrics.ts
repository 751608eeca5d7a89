import { createServer, type Server } from 'node:http'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type Clock, ok } from '../common/mod.ts'
import type { Fleet, FleetStream } from './fleet/mod.ts'

/** The instruments that rooms are handed, and the registry that they are read from. */
export interface ControlMetrics {
  /** How a signing request ended. */
  csr(outcome: string): void
  /** A TLS handshake at one of our ports was refused. */
  handshakeRefused(): void
  /** A connection was closed as soon as it came. */
  connectionDropped(door: 'enrolment' | 'discovery'): void
  /** A review of the admission webhook was answered. */
  admission(result: string): void
  /** From where the alarms of the guard are read. */
  guarded(alarms: () => readonly { readonly reason: 'registry' | 'store'; readonly count: number }[]): void
  /** The same fleet, with its pushes counted and timed from their sending to their answer. */
  observed(fleet: Fleet): Fleet
  /** All metrics in Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

/** From a push on the same machine to one that a slow line delays. */
const PUSH_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function controlMetrics(sources: {
  readonly storeRevision: () => number
  readonly clock: Clock
}): ControlMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  let connected = () => 0
  let alarms: Parameters<ControlMetrics['guarded']>[0] = () => []
  new Gauge({
    name: 'selvedge_control_sidecars_connected',
    help: 'Sidecars whose discovery stream is open',
    registers,
    collect() {
      this.set(connected())
    },
  })
  new Gauge({
    name: 'selvedge_control_store_revision',
    help: 'The newest revision of the store',
    registers,
    collect() {
      this.set(sources.storeRevision())
    },
  })
  new Gauge({
    name: 'selvedge_control_guarded',
    help: 'What vanished though nobody deleted it, and is held back from sidecars: workloads (registry), kinds (store)',
    labelNames: ['reason'],
    registers,
    collect() {
      for (const reason of ['registry', 'store'] as const) {
        this.set({ reason }, alarms().find(alarm => alarm.reason === reason)?.count ?? 0)
      }
    },
  })
  const pushSeconds = new Histogram({
    name: 'selvedge_control_push_duration_seconds',
    help: 'From the sending of an update to its acknowledgement or refusal',
    buckets: PUSH_SECONDS,
    registers,
  })
  const pushes = new Counter({
    name: 'selvedge_control_pushes_total',
    help: 'Updates that sidecars answered, by their answer',
    labelNames: ['result'],
    registers,
  })
  const csrs = new Counter({
    name: 'selvedge_control_csr_total',
    help: 'Certificate signing requests, by how they ended',
    labelNames: ['result'],
    registers,
  })
  const handshakes = new Counter({
    name: 'selvedge_control_handshakes_refused_total',
    help: 'TLS handshakes that were refused, at all ports',
    registers,
  })
  const dropped = new Counter({
    name: 'selvedge_control_connections_refused_total',
    help: 'Connections closed as soon as they came, because too many were open',
    labelNames: ['door'],
    registers,
  })
  const reviews = new Counter({
    name: 'selvedge_control_admission_reviews_total',
    help: 'Reviews that the admission webhook answered, by their answer',
    labelNames: ['result'],
    registers,
  })
  for (const result of ['injected', 'present', 'skipped', 'refused', 'ignored', 'malformed']) reviews.inc({ result }, 0)
  for (const door of ['enrolment', 'discovery']) dropped.inc({ door }, 0)
  const answered = (sentMs: number | undefined, result: string): void => {
    pushes.inc({ result })
    if (sentMs !== undefined) pushSeconds.observe((sources.clock.nowMs() - sentMs) / 1000)
  }
  return {
    guarded(read) {
      alarms = read
    },
    csr: outcome => csrs.inc({ result: outcome }),
    handshakeRefused: () => handshakes.inc(),
    admission: result => reviews.inc({ result }),
    connectionDropped: door => dropped.inc({ door }),
    observed(fleet) {
      connected = () => fleet.connected()
      return {
        ...fleet,
        connect(facts, subscriptions) {
          const stream = fleet.connect(facts, subscriptions)
          return stream.ok ? ok(observedStream(stream.value, sources.clock, answered)) : stream
        },
      }
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

/** At most one update is unanswered on a stream, so that one time of sending is enough. */
function observedStream(
  stream: FleetStream,
  clock: Clock,
  answered: (sentMs: number | undefined, result: string) => void,
): FleetStream {
  let sentMs: number | undefined
  return {
    ...stream,
    sent(revision) {
      sentMs = clock.nowMs()
      stream.sent(revision)
    },
    acknowledged(whole) {
      answered(sentMs, 'acknowledged')
      stream.acknowledged(whole)
    },
    refused(problems) {
      answered(sentMs, 'refused')
      stream.refused(problems)
    },
  }
}

/** Serves `/metrics`, and nothing else. Not listening yet. */
export function metricsServer(metrics: ControlMetrics): Server {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' })
      response.end('Cannot find this: the metrics are at /metrics.\n')
      return
    }
    metrics.text().then(
      text => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
      () => response.destroy(),
    )
  })
  // Scrapers are few, and ask every few seconds.
  server.maxConnections = 64
  server.headersTimeout = 10_000
  server.requestTimeout = 10_000
  return server
}
