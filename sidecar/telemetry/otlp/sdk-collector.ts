import { createSecureContext } from 'node:tls'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import type { CollectorEndpoint } from '../../../common/mod.ts'
import type { KeptSpan } from '../mod.ts'
import { UNTRACED } from '../mod.ts'
import { collectorAgent, type RouteToCollector } from './collector-agent.ts'
import { SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_NAMESPACE } from './conventions.ts'
import type { Collector, Delivery, ExportIdentity } from './otlp-export.ts'
import { readableSpan } from './readable-span.ts'

/** One request with the SDK's own retries of it. A collector is near: OTLP's 10 s are meant for any distance. */
const EXPORT_TIMEOUT_MS = 5_000
/** OTLP 1.x, "Failures": gRPC codes for which trying again may help. RESOURCE_EXHAUSTED (8) only with a RetryInfo, which grpc-js doesn't read. */
const RETRYABLE_GRPC: ReadonlySet<number> = new Set([1, 4, 10, 11, 14, 15])
/** Nobody traces an export: the sidecar of a collector in the mesh would export a span for each, which is an export again. */
const UNTRACED_FIELDS = { traceparent: '00-73656c76656467652d6578706f727400-73656c7665646765-00', tracestate: UNTRACED }

interface SdkCollectorOptions {
  readonly endpoint: CollectorEndpoint
  readonly identity: ExportIdentity
  readonly route: RouteToCollector
}

/** What of the SDK's exporters is used. */
interface Exporter {
  export(spans: ReadableSpan[], done: (result: { readonly code: number; readonly error?: Error }) => void): void
  /** Ends connections; what is under way fails. */
  close(): void
}

/** A collector behind the SDK's exporter for its protocol. */
export async function sdkCollector(options: SdkCollectorOptions): Promise<Collector> {
  const { endpoint, identity } = options
  const [exporter, resource] = await Promise.all([
    endpoint.protocol === 'http' ? httpExporter(options) : grpcExporter(options),
    resourceOf(identity),
  ])
  return {
    deliver: spans => deliver(exporter, spans, resource, identity.version),
    close: () => exporter.close(),
  }
}

/** Loads both exporters, for a compile cache. */
export async function loadExporters(): Promise<void> {
  await import('@opentelemetry/exporter-trace-otlp-proto')
  await import('@opentelemetry/exporter-trace-otlp-grpc')
  await import('@opentelemetry/resources')
}

function deliver(
  exporter: Exporter,
  spans: readonly KeptSpan[],
  resource: Resource,
  version: string,
): Promise<Delivery> {
  return new Promise(resolve => {
    try {
      exporter.export(
        spans.map(span => readableSpan(span, resource, version)),
        ({ code, error }) => resolve(code === 0 ? { kind: 'taken' } : failureOf(error)),
      )
    } catch (error) {
      resolve(failureOf(error instanceof Error ? error : new Error(String(error))))
    }
  })
}

async function resourceOf({ serviceName, namespace, instance }: ExportIdentity): Promise<Resource> {
  const { defaultResource, resourceFromAttributes } = await import('@opentelemetry/resources')
  return defaultResource().merge(
    resourceFromAttributes({
      [SERVICE_NAME]: serviceName,
      [SERVICE_NAMESPACE]: namespace,
      [SERVICE_INSTANCE_ID]: instance,
    }),
  )
}

async function httpExporter({ endpoint, route }: SdkCollectorOptions): Promise<Exporter> {
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto')
  const { tls, host, port, path } = endpoint
  const agent = collectorAgent(tls, route)
  const exporter = new OTLPTraceExporter({
    url: `${tls ? 'https' : 'http'}://${inUrl(host)}:${port}${path}`,
    headers: UNTRACED_FIELDS,
    timeoutMillis: EXPORT_TIMEOUT_MS,
    concurrencyLimit: 1,
    httpAgentOptions: () => agent,
  })
  return {
    export: (spans, done) => exporter.export(spans, done),
    close: () => {
      agent.destroy()
      void exporter.shutdown()
    },
  }
}

async function grpcExporter({ endpoint, route }: SdkCollectorOptions): Promise<Exporter> {
  const { tls, host, port } = endpoint
  const way = await route(host, port)
  if (way.kind === 'none') throw new Error(way.why)
  if (way.kind === 'mesh') {
    throw new Error(
      'it is in the mesh, where sidecars speak HTTP/1.1 for now: write http:// and the port for OTLP over HTTP',
    )
  }
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc')
  const { credentials, Metadata } = await import('@grpc/grpc-js')
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(UNTRACED_FIELDS)) metadata.set(name, value)
  const exporter = new OTLPTraceExporter({
    url: `${tls ? 'https' : 'http'}://${inUrl(way.host)}:${way.port}`,
    metadata,
    // Node's own roots, as for https: gRPC's client would look for others in its environment.
    credentials: tls ? credentials.createFromSecureContext(createSecureContext()) : credentials.createInsecure(),
    timeoutMillis: EXPORT_TIMEOUT_MS,
    concurrencyLimit: 1,
  })
  return { export: (spans, done) => exporter.export(spans, done), close: () => void exporter.shutdown() }
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** The SDK's errors tell what they are by a number: a status of HTTP, or a code of gRPC. */
function failureOf(error: Error | undefined): Delivery {
  const code = error !== undefined && 'code' in error ? error.code : undefined
  const words = error === undefined || error.message === '' ? 'no reason given' : error.message
  if (typeof code === 'number') {
    const grpc = error !== undefined && 'details' in error
    const why = grpc ? words : `${code} ${words}`
    return { kind: grpc && RETRYABLE_GRPC.has(code) ? 'failed' : 'refused', why }
  }
  // It has answered, and may have taken them: once more would be twice.
  if (/size limit/.test(words)) return { kind: 'refused', why: 'its answer has no end' }
  return { kind: 'failed', why: words }
}
