import type { Span } from '../../model/telemetry/mod.ts'

// What the control plane's REST API answers. The CLI believes its own control plane's shapes and shows what it is given.

/** A resource as it is written and stored; its `spec` is for the control plane to judge. */
export interface AnyResource {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly creationTimestamp?: string
    readonly [more: string]: unknown
  }
  readonly spec?: Readonly<Record<string, unknown>>
  readonly status?: Readonly<Record<string, unknown>>
  readonly [more: string]: unknown
}

export interface ResourceList {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
  readonly items: readonly AnyResource[]
}

/** A whole list, at one revision. */
export interface ListAt {
  readonly resourceVersion: string
  readonly items: readonly AnyResource[]
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: AnyResource }
  | { readonly type: 'ERROR'; readonly object: { readonly code: number; readonly message: string } }

export interface AuditRecord {
  readonly id: number
  /** ISO 8601. */
  readonly at: string
  readonly actor: string
  readonly action: string
  /** `HTTPRoute bookshop/canary`, where it is a resource. */
  readonly subject: string
  readonly revision: number
  readonly before: Readonly<Record<string, unknown>> | null
  readonly after: Readonly<Record<string, unknown>> | null
}

export interface AuditAnswer {
  readonly items: readonly AuditRecord[]
}

export interface RollbackWish {
  readonly revision: number
  readonly resource?: string
  readonly force?: boolean
}

/** A token of the API, without its secret. */
export interface ApiToken {
  readonly id: string
  readonly name: string
  readonly role: 'read' | 'write'
  readonly created: string
  readonly expires: string
}

/** A token with which sidecars join, without its secret. */
export interface JoinToken {
  readonly id: string
  readonly serviceAccount: string
  readonly usesLeft: number
  readonly created: string
  readonly expires: string
}

export interface ResourceRef {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

export interface ApplyAnswer {
  readonly revision: number
  readonly results: readonly { readonly resource: ResourceRef | string; readonly action: string }[]
  readonly warnings: readonly string[]
}

export interface Problem {
  readonly resource: string
  readonly field: string
  readonly message: string
}

export interface FleetMember {
  readonly workload: string
  readonly spiffeId: string
  readonly connected: boolean
  /** Unix time in milliseconds of the last change of `connected`. */
  readonly since: number
  readonly programVersion: string
  readonly ackedRevision: number
  readonly pendingRevision: number | null
  readonly lastNack: {
    readonly revision: number
    /** Unix time in milliseconds. */
    readonly at: number
    readonly problems: readonly Problem[]
  } | null
  /** Unix time in milliseconds. */
  readonly certificateNotAfter: number
  /** Services, `namespace/name`. */
  readonly subscriptions: readonly string[]
}

export interface FleetAnswer {
  readonly revision: number
  readonly sidecars: readonly FleetMember[]
}

/** What vanished though nobody deleted it, and is held back from sidecars. */
export interface Alarm {
  readonly reason: 'registry' | 'store'
  /** Unix time in milliseconds. */
  readonly since: number
  readonly count: number
  readonly message: string
}

export interface WaitAnswer {
  readonly live: number
  readonly of: number
  readonly elapsedMs: number
  readonly pending: readonly string[]
  readonly nacks: readonly { readonly workload: string; readonly problems: readonly Problem[] }[]
}

export interface Edge {
  readonly source: string
  readonly destination: string
  readonly requests: number
  readonly requestsPerSecond: number
  /** 0 to 1. */
  readonly successRate: number
  /** 0 to 1. */
  readonly mtlsRate: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly retries: number
  readonly causes: Readonly<Record<string, number>>
}

export interface GraphAnswer {
  readonly windowMs: number
  readonly edges: readonly Edge[]
}

export interface TraceSummary {
  readonly traceId: string
  /** How many spans are known. */
  readonly spans: number
}

export interface TracesAnswer {
  readonly traces: readonly TraceSummary[]
}

export interface TraceAnswer {
  readonly traceId: string
  readonly spans: readonly Span[]
}

export interface TokenAnswer {
  readonly token: string
  readonly expires: string | number
}

export interface InfoAnswer {
  readonly version: string
  readonly trustDomain: string
  readonly enrolment: string
  readonly discovery: string
  readonly revision: number
}
