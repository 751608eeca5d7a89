import type { Span } from '../../model/telemetry/mod.ts'

/**
 * What the API reads of the rooms that gather facts. Plain values that JSON can carry: the API hands them on as they are.
 */

/** Who is connected, and what has arrived there. */
export interface FleetReader {
  fleet(): FleetAnswer
  /**
   * Resolves when every connected sidecar concerned has acknowledged, or refused, all that revision `revision` means for it, or after
   * `timeoutMs`. `signal` ends the wait early: nobody listens any more.
   */
  wait(revision: number, timeoutMs: number, signal: AbortSignal): Promise<WaitAnswer>
}

export interface FleetAnswer {
  readonly revision: number
  readonly sidecars: readonly SidecarAnswer[]
}

export interface SidecarAnswer {
  /** `namespace/name` */
  readonly workload: string
  readonly spiffeId: string
  readonly connected: boolean
  /** Unix time in milliseconds of the last change of `connected`. */
  readonly since: number
  readonly programVersion: string
  readonly ackedRevision: number
  /** What was sent and not answered yet. */
  readonly pendingRevision: number | null
  readonly lastNack: NackAnswer | null
  /** Unix time in milliseconds. */
  readonly certificateNotAfter: number
  /** Services, `namespace/name`. */
  readonly subscriptions: readonly string[]
}

export interface NackAnswer {
  readonly revision: number
  /** Unix time in milliseconds. */
  readonly at: number
  readonly problems: readonly ProblemAnswer[]
}

export interface ProblemAnswer {
  readonly resource: string
  readonly field: string
  readonly message: string
}

export interface WaitAnswer {
  /** Sidecars concerned that have acknowledged. */
  readonly live: number
  /** Sidecars concerned. */
  readonly of: number
  readonly elapsedMs: number
  /** Workloads whose sidecars have not answered. */
  readonly pending: readonly string[]
  readonly nacks: readonly { readonly workload: string; readonly problems: readonly ProblemAnswer[] }[]
}

/** Who calls whom. */
export interface GraphReader {
  /** The last `windowMs` milliseconds; 0 is all since the control plane's start. */
  graph(windowMs: number): GraphAnswer
}

export interface GraphAnswer {
  readonly windowMs: number
  readonly edges: readonly EdgeAnswer[]
}

export interface EdgeAnswer {
  /** `namespace/name`, as is `destination`. */
  readonly source: string
  readonly destination: string
  readonly requests: number
  readonly requestsPerSecond: number
  /** 0 to 1, as is `mtlsRate`. */
  readonly successRate: number
  readonly mtlsRate: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly retries: number
  readonly causes: Readonly<Record<string, number>>
}

/** Requests across all sidecars. */
export interface TraceReader {
  /** The newest first, or the slowest first. */
  traces(query: { readonly slow: boolean; readonly limit: number }): TracesAnswer
  trace(traceId: string): TraceAnswer | undefined
}

export interface TracesAnswer {
  readonly traces: readonly TraceSummary[]
}

export interface TraceSummary {
  readonly traceId: string
  /** Unix time in microseconds. */
  readonly startUs: number
  readonly durationUs: number
  readonly root: Span
  /** How many spans are known. */
  readonly spans: number
  readonly status: number
  readonly cause: string | null
}

export interface TraceAnswer {
  readonly traceId: string
  readonly spans: readonly Span[]
}

/** What is held back from sidecars, and the way to let it go. */
export interface GuardReader {
  alarms(): readonly AlarmAnswer[]
  /** False where nothing was held back. */
  release(): boolean
}

export interface AlarmAnswer {
  readonly reason: 'registry' | 'store'
  /** Unix time in milliseconds. */
  readonly since: number
  /** Workloads that are kept, or kinds that are missing. */
  readonly count: number
  /** What has happened, what it means, and what to do. */
  readonly message: string
}
