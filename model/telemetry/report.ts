import type { Cause, ServiceKey, WorkloadKey } from '../../common/mod.ts'

/** What one sidecar saw since its last report. */
export interface TelemetryReport {
  readonly workload: WorkloadKey
  readonly edges: readonly EdgeReport[]
  readonly spans: readonly Span[]
}

/** Requests of one (source, destination, route), seen by the caller's sidecar; each number counts since the last report. */
export interface EdgeReport {
  /** `namespace/name` of the caller's service, or of its service account where no Service selects it. */
  readonly source: string
  /** The Service whose endpoint answered, or the one that was asked where none did. */
  readonly destination: ServiceKey | string
  /** `namespace/name` of the route, or empty. */
  readonly route: string
  readonly requests: number
  /** Answers below 500 (with no cause of the mesh's own). */
  readonly successes: number
  readonly mtlsRequests: number
  /** Those that came to a connection without TLS. The rest was answered by the mesh before there was any connection. */
  readonly plaintextRequests: number
  readonly retries: number
  readonly causes: readonly { readonly cause: Cause; readonly count: number }[]
  /** Sparse cells of `latency-cells.ts`: pairs of cell and count. */
  readonly latency: readonly { readonly cell: number; readonly count: number }[]
}

/** One span (W3C trace context ids, lower-case hex). */
export interface Span {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  /** 16 hex digits; empty for a root. */
  readonly parentSpanId: string
  /** `client` and `server` as a sidecar sees the exchange; `attempt` is one try of it. */
  readonly kind: 'client' | 'server' | 'attempt'
  /** `namespace/name`. */
  readonly source: string
  readonly destination: string
  readonly method: string
  /** The path without its query, cut to 256 characters. */
  readonly path: string
  /** 0 where no answer came. */
  readonly status: number
  readonly cause: Cause | undefined
  readonly route: string
  /** `address:port` of the endpoint; empty where none was tried. */
  readonly endpoint: string
  /** Unix time in microseconds. */
  readonly startUs: number
  readonly durationUs: number
}
