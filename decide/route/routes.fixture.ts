import { type Port, serviceKey } from '../../common/mod.ts'
import type {
  Backend,
  NamedMatch,
  PathMatch,
  RouteEntry,
  RouteRule,
  ServiceSnapshot,
} from '../../model/snapshot/mod.ts'
import { matchRoute, type PreparedRoutes, prepareRoutes, type RouteMatch, type RouteRequest } from './mod.ts'

// What the tests of this room build requests and routes with.

export function port(value: number): Port {
  return value as Port
}

export function backend(weight: number, name = 'reviews'): Backend {
  return { kind: 'service', service: serviceKey('bookshop', name), port: port(8080), weight }
}

export function rule(name: string, backends: readonly Backend[] = [backend(1)]): RouteRule {
  return {
    route: 'bookshop/route',
    name,
    filters: [],
    backends,
    requestTimeoutMs: undefined,
    attemptTimeoutMs: undefined,
    retry: undefined,
  }
}

export function entry(change: Partial<RouteEntry> = {}): RouteEntry {
  const path = { kind: 'prefix', value: '/' } as const
  return { ports: [], rule: 0, path, method: undefined, headers: [], query: [], ...change }
}

export function service(routing: ServiceSnapshot['routing']): ServiceSnapshot {
  return {
    key: serviceKey('bookshop', 'reviews'),
    ports: [{ port: port(8080), name: 'http', protocol: 'http' }],
    routing,
    traffic: {
      policy: undefined,
      breaker: { connectionsMax: 1024, pendingMax: 1024, requestsMax: 1024 },
      outlier: { consecutiveErrors: 5, baseEjectionMs: 30_000, ejectedPercentMax: 50, healthyPercentMin: 50 },
      retryBudget: { percent: 20, minPerSecond: 10, windowMs: 10_000 },
      connectTimeoutMs: 1_000,
      keepsNameCase: false,
      upgrades: undefined,
    },
  }
}

/** Entry number i leads to the rule named `#i`. */
export function prepared(entries: readonly RouteEntry[]): PreparedRoutes {
  const rules = entries.map((_, index) => rule(`#${index}`))
  const placed = entries.map((each, index) => ({ ...each, rule: index }))
  const result = prepareRoutes(service({ kind: 'routes', entries: placed, rules }))
  if (!result.ok) throw new Error(`${result.error.field}: ${result.error.message}`)
  return result.value
}

export function request(target: string, change: { method?: string; headers?: Record<string, string> } = {}) {
  const [path = '', ...query] = target.split('?')
  const { method = 'GET', headers = {} } = change
  return { method, path, query: query.join('?'), header: name => headers[name] } satisfies RouteRequest
}

function nameOf(match: RouteMatch): string {
  return match.kind === 'rule' ? match.rule.rule.name : match.kind
}

/** The name of the rule that a request falls under, or the kind of the answer. */
export function matched(entries: readonly RouteEntry[], asked: RouteRequest, on = 8080): string {
  return nameOf(matchRoute(prepared(entries), on, asked))
}

export function path(kind: PathMatch['kind'], value: string): RouteEntry {
  return entry({ path: { kind, value } })
}

export function header(name: string, value: string, kind: NamedMatch['kind'] = 'exact'): RouteEntry {
  return entry({ headers: [{ name, kind, value }] })
}

export function query(name: string, value: string, kind: NamedMatch['kind'] = 'exact'): RouteEntry {
  return entry({ query: [{ name, kind, value }] })
}
