import type { Port, ServiceKey } from '../../common/mod.ts'

export type Protocol = 'http' | 'http2' | 'grpc' | 'tcp' | 'detect'

/** All that a caller needs to decide what becomes of a request to one Service. */
export interface ServiceSnapshot {
  readonly key: ServiceKey
  readonly ports: readonly ServicePort[]
  /** `none-attached` passes through to the Service's own endpoints; with routes attached, a request that none matches is refused (GAMMA). */
  readonly routing:
    | { readonly kind: 'none-attached' }
    | { readonly kind: 'routes'; readonly entries: readonly RouteEntry[]; readonly rules: readonly RouteRule[] }
  readonly traffic: TrafficSettings
}

export interface ServicePort {
  readonly port: Port
  readonly name: string
  readonly protocol: Protocol
}

/** One match of one rule. A Service's entries stand in order of precedence (Gateway API): the first that matches wins. */
export interface RouteEntry {
  /** Empty: every port of the Service. */
  readonly ports: readonly Port[]
  /** Index into `rules`. */
  readonly rule: number
  readonly path: PathMatch
  readonly method: string | undefined
  /** Names in lower case. */
  readonly headers: readonly NamedMatch[]
  readonly query: readonly NamedMatch[]
}

/** A `prefix` matches whole elements and has no trailing slash, but for `/` itself. */
export type PathMatch = { readonly kind: 'exact' | 'prefix' | 'regex'; readonly value: string }
export type NamedMatch = { readonly name: string; readonly kind: 'exact' | 'regex'; readonly value: string }

export interface RouteRule {
  /** `namespace/name` of the HTTPRoute. */
  readonly route: string
  /** The rule's own name, or its place in the route (`#0`). */
  readonly name: string
  readonly filters: readonly RouteFilter[]
  readonly backends: readonly Backend[]
  /** Milliseconds for the whole exchange, all attempts; `undefined` leaves it to the mesh's default, 0 is no limit at all (GW-11). */
  readonly requestTimeoutMs: number | undefined
  /** Milliseconds for one attempt. */
  readonly attemptTimeoutMs: number | undefined
  readonly retry: RetryRule | undefined
}

export type RouteFilter =
  | { readonly kind: 'request-headers'; readonly change: HeaderChange }
  | { readonly kind: 'response-headers'; readonly change: HeaderChange }
  | {
      readonly kind: 'redirect'
      readonly scheme: string | undefined
      readonly hostname: string | undefined
      readonly port: Port | undefined
      readonly path: PathChange | undefined
      readonly status: 301 | 302 | 303 | 307 | 308
    }
  | { readonly kind: 'rewrite'; readonly hostname: string | undefined; readonly path: PathChange | undefined }

/** `prefix` replaces what the rule's one prefix match matched (`from`). */
export type PathChange =
  | { readonly kind: 'full'; readonly value: string }
  | { readonly kind: 'prefix'; readonly from: string; readonly value: string }

export interface HeaderChange {
  readonly set: readonly (readonly [name: string, value: string])[]
  readonly add: readonly (readonly [name: string, value: string])[]
  readonly remove: readonly string[]
}

/** `invalid` keeps its weight: its share of the requests is answered with 500 (GW-7). */
export type Backend =
  | { readonly kind: 'service'; readonly service: ServiceKey; readonly port: Port; readonly weight: number }
  | { readonly kind: 'invalid'; readonly why: string; readonly weight: number }

/** GEP-1731. `attempts` counts retries, not the first try. */
export interface RetryRule {
  readonly attempts: number
  /** Status codes, 400 to 599, that are worth another try. */
  readonly codes: readonly number[]
  /** The least pause before a retry, in milliseconds; jitter comes on top. */
  readonly backoffMs: number
}

/** `TrafficPolicy`, with the defaults filled in. */
export interface TrafficSettings {
  /** `namespace/name` of the TrafficPolicy; `undefined` where only defaults hold. */
  readonly policy: string | undefined
  readonly breaker: { readonly connectionsMax: number; readonly pendingMax: number; readonly requestsMax: number }
  readonly outlier: {
    /** Consecutive failures of one endpoint that eject it; 0 turns ejection off. */
    readonly consecutiveErrors: number
    readonly baseEjectionMs: number
    /** 0 to 100. */
    readonly ejectedPercentMax: number
    /** Below this share of healthy endpoints all are used, 0 to 100. */
    readonly healthyPercentMin: number
  }
  /** Retries are at most max(percent of the requests of the window, minPerSecond). */
  readonly retryBudget: { readonly percent: number; readonly minPerSecond: number; readonly windowMs: number }
  readonly connectTimeoutMs: number
  /** Whether names of fields keep their upper and lower case between callers and applications of HTTP/1.1, across the mesh. */
  readonly keepsNameCase: boolean
  readonly upgrades: UpgradeLimit | undefined
}

/** The protocols that a request may switch to, in lower case. Where there is none, it may be any. */
export interface UpgradeLimit {
  readonly protocols: readonly string[]
  /** The policy that says so, for people: `TrafficPolicy namespace/name`. */
  readonly by: string
}
