import { isIP } from 'node:net'
import { err, ok, type Result, type ServiceKey, type WorkloadKey } from '../../../common/mod.ts'
import type {
  Backend,
  Endpoint,
  EndpointsSnapshot,
  HeaderChange,
  NamedMatch,
  PathChange,
  RouteEntry,
  RouteFilter,
  RouteRule,
  SelfSnapshot,
  ServiceSnapshot,
  SnapshotProblem,
  TrafficSettings,
} from '../../../model/snapshot/mod.ts'
import type * as proto from '../../../proto/mod.ts'
import type { EndpointsChange, ReceivedUpdate } from '../messages.ts'
import { type Fields, fieldsOf } from './fields.ts'

type ServiceWire = proto.Service__Output
type EntryWire = ServiceWire['entries'][number]
type TrafficWire = NonNullable<ServiceWire['traffic']>
type RuleWire = proto.RouteRule__Output
type FilterWire = RuleWire['filters'][number]
type BackendWire = RuleWire['backends'][number]
type HeaderChangeWire = NonNullable<FilterWire['requestHeaders']>
type PathChangeWire = NonNullable<NonNullable<FilterWire['rewrite']>['path']>
type EndpointWire = proto.Endpoints__Output['endpoints'][number]

const PROTOCOLS = ['http', 'http2', 'grpc', 'tcp', 'detect'] as const
const MATCHES = ['exact', 'regex'] as const
const REDIRECTS = [301, 302, 303, 307, 308] as const

/** What an update says, checked field by field; or everything that is wrong with it. */
export function decodeUpdate(wire: proto.Update__Output): Result<ReceivedUpdate, readonly SnapshotProblem[]> {
  const problems: SnapshotProblem[] = []
  const versions = new Map<string, string>()
  const seen = new Set<string>()
  const absent: ServiceKey[] = []
  let self: SelfSnapshot | undefined

  /** A name that stands twice could mean either. */
  function fieldsFor(resource: string): Fields {
    const fields = fieldsOf(resource, problems)
    if (seen.has(resource)) fields.problem('', `${resource} stands twice in one update`)
    seen.add(resource)
    return fields
  }

  function versioned(resource: string, version: string): Fields {
    versions.set(resource, version)
    return fieldsFor(resource)
  }

  if (wire.self) self = decodeSelf(wire.self, versioned('self', wire.self.version))
  const services = wire.services.map(one => decodeService(one, versioned(`service/${one.key}`, one.version)))
  const endpoints = wire.endpoints.map(one => decodeEndpoints(one, versioned(`endpoints/${one.service}`, one.version)))
  const changes = wire.endpointChanges.map(one => decodeChange(one, versioned(`endpoints/${one.service}`, one.version)))
  for (const key of wire.absent) absent.push(fieldsFor(`service/${key}`).service(key, ''))
  if (problems.length > 0) return err(problems)
  return ok({ update: { revision: wire.revision, self, services, endpoints, absent }, versions, changes })
}

function decodeSelf(wire: proto.Self__Output, fields: Fields): SelfSnapshot {
  const { mesh } = wire
  if (!mesh) fields.problem('mesh', 'mesh is missing')
  return {
    workload: fields.service(wire.workload, 'workload') as string as WorkloadKey,
    namespace: wire.namespace,
    serviceAccount: wire.serviceAccount,
    trustDomain: fields.trustDomain(wire.trustDomain, 'trustDomain'),
    services: wire.services.map((key, i) => fields.service(key, `services[${i}]`)),
    ports: wire.ports.map(({ port, name, protocol, upgrades }, i) => ({
      port: fields.port(port, `ports[${i}].port`),
      name,
      protocol: fields.oneOf(protocol, PROTOCOLS, `ports[${i}].protocol`),
      upgrades: upgrades ?? undefined,
    })),
    mesh: {
      mtls: fields.oneOf(mesh?.mtls ?? '', ['strict', 'permissive'], 'mesh.mtls'),
      unknownDestinations: fields.oneOf(
        mesh?.unknownDestinations ?? '',
        ['allow', 'refuse'],
        'mesh.unknownDestinations',
      ),
      accessLog: mesh?.accessLog ?? false,
      traceSampling: mesh?.traceSampling ?? 0,
      traceCollector: mesh?.traceCollector ? fields.collector(mesh.traceCollector, 'mesh.traceCollector') : undefined,
      requestTimeoutMs: mesh?.requestTimeoutMs,
      retryAttempts: mesh?.retryAttempts ?? 0,
      tunnelsAtRenewal: mesh?.endTunnelsAtRenewal === true ? 'end' : 'keep',
    },
  }
}

function decodeService(wire: ServiceWire, fields: Fields): ServiceSnapshot {
  if (!wire.traffic) fields.problem('traffic', 'traffic is missing')
  return {
    key: fields.service(wire.key, 'key'),
    ports: wire.ports.map(({ port, name, protocol }, i) => ({
      port: fields.port(port, `ports[${i}].port`),
      name,
      protocol: fields.oneOf(protocol, PROTOCOLS, `ports[${i}].protocol`),
    })),
    routing: wire.routed
      ? {
          kind: 'routes',
          entries: wire.entries.map((entry, i) => decodeEntry(entry, wire.rules.length, fields, `entries[${i}]`)),
          rules: wire.rules.map((rule, i) => decodeRule(rule, fields, `rules[${i}]`)),
        }
      : { kind: 'none-attached' },
    traffic: decodeTraffic(wire.traffic ?? NO_TRAFFIC),
  }
}

function decodeEntry(wire: EntryWire, rules: number, fields: Fields, at: string): RouteEntry {
  if (wire.rule >= rules) fields.problem(`${at}.rule`, `there is no rule ${wire.rule}`)
  const named = (list: EntryWire['headers'], name: string): NamedMatch[] =>
    list.map((match, i) => ({ ...match, kind: fields.oneOf(match.kind, MATCHES, `${at}.${name}[${i}].kind`) }))
  return {
    ports: wire.ports.map((port, i) => fields.port(port, `${at}.ports[${i}]`)),
    rule: wire.rule,
    path: {
      kind: fields.oneOf(wire.path?.kind ?? '', ['exact', 'prefix', 'regex'], `${at}.path.kind`),
      value: wire.path?.value ?? '',
    },
    method: wire.method,
    headers: named(wire.headers, 'headers'),
    query: named(wire.query, 'query'),
  }
}

function decodeRule(wire: RuleWire, fields: Fields, at: string): RouteRule {
  return {
    route: wire.route,
    name: wire.name,
    filters: wire.filters.map((filter, i) => decodeFilter(filter, fields, `${at}.filters[${i}]`)),
    backends: wire.backends.map((backend, i) => decodeBackend(backend, fields, `${at}.backends[${i}]`)),
    requestTimeoutMs: wire.requestTimeoutMs,
    attemptTimeoutMs: wire.attemptTimeoutMs,
    retry: wire.retry ?? undefined,
  }
}

function decodeFilter(wire: FilterWire, fields: Fields, at: string): RouteFilter {
  if (wire.requestHeaders) return { kind: 'request-headers', change: decodeHeaderChange(wire.requestHeaders) }
  if (wire.responseHeaders) return { kind: 'response-headers', change: decodeHeaderChange(wire.responseHeaders) }
  if (wire.redirect) {
    const { scheme, hostname, port, path, status } = wire.redirect
    return {
      kind: 'redirect',
      scheme,
      hostname,
      port: port === undefined ? undefined : fields.port(port, `${at}.redirect.port`),
      path: decodePathChange(path, fields, `${at}.redirect.path`),
      status: fields.oneOf(status, REDIRECTS, `${at}.redirect.status`),
    }
  }
  if (wire.rewrite) {
    const { hostname, path } = wire.rewrite
    return { kind: 'rewrite', hostname, path: decodePathChange(path, fields, `${at}.rewrite.path`) }
  }
  // A newer control plane's filter: to leave it out could mean to let through what it was to stop.
  fields.problem(at, 'this sidecar does not know this kind of filter: upgrade it')
  return { kind: 'rewrite', hostname: undefined, path: undefined }
}

function decodeHeaderChange(wire: HeaderChangeWire): HeaderChange {
  const pair = ({ name, value }: HeaderChangeWire['set'][number]): [string, string] => [name, value]
  return { set: wire.set.map(pair), add: wire.add.map(pair), remove: wire.remove }
}

function decodePathChange(wire: PathChangeWire | null | undefined, fields: Fields, at: string): PathChange | undefined {
  if (!wire) return undefined
  const kind = fields.oneOf(wire.kind, ['full', 'prefix'], `${at}.kind`)
  return kind === 'full' ? { kind, value: wire.value } : { kind, from: wire.from, value: wire.value }
}

function decodeBackend(wire: BackendWire, fields: Fields, at: string): Backend {
  if (!wire.service) return { kind: 'invalid', why: wire.invalid ?? 'it names nothing', weight: wire.weight }
  const service = fields.service(wire.service.service, `${at}.service`)
  return { kind: 'service', service, port: fields.port(wire.service.port, `${at}.port`), weight: wire.weight }
}

/** Stands in for what is missing, in an update that is refused for it. */
const NO_TRAFFIC: TrafficWire = {
  connectionsMax: 0,
  pendingMax: 0,
  requestsMax: 0,
  outlierConsecutiveErrors: 0,
  outlierBaseEjectionMs: 0,
  outlierEjectedPercentMax: 0,
  outlierHealthyPercentMin: 0,
  retryBudgetPercent: 0,
  retryBudgetMinPerSecond: 0,
  retryBudgetWindowMs: 0,
  connectTimeoutMs: 0,
  keepsNameCase: false,
  upgrades: null,
}

function decodeTraffic(wire: TrafficWire): TrafficSettings {
  const { connectionsMax, pendingMax, requestsMax } = wire
  return {
    policy: wire.policy,
    breaker: { connectionsMax, pendingMax, requestsMax },
    outlier: {
      consecutiveErrors: wire.outlierConsecutiveErrors,
      baseEjectionMs: wire.outlierBaseEjectionMs,
      ejectedPercentMax: wire.outlierEjectedPercentMax,
      healthyPercentMin: wire.outlierHealthyPercentMin,
    },
    retryBudget: {
      percent: wire.retryBudgetPercent,
      minPerSecond: wire.retryBudgetMinPerSecond,
      windowMs: wire.retryBudgetWindowMs,
    },
    connectTimeoutMs: wire.connectTimeoutMs,
    keepsNameCase: wire.keepsNameCase,
    upgrades: wire.upgrades ?? undefined,
  }
}

function decodeEndpoints(wire: proto.Endpoints__Output, fields: Fields): EndpointsSnapshot {
  return {
    service: fields.service(wire.service, 'service'),
    endpoints: wire.endpoints.map((endpoint, i) => decodeEndpoint(endpoint, fields, `endpoints[${i}]`)),
  }
}

function decodeChange(wire: proto.EndpointsChange__Output, fields: Fields): EndpointsChange {
  return {
    service: fields.service(wire.service, 'service'),
    base: wire.baseVersion,
    put: wire.put.map((endpoint, i) => decodeEndpoint(endpoint, fields, `put[${i}]`)),
    removed: wire.removed.map((key, i) => fields.service(key, `removed[${i}]`) as string as WorkloadKey),
  }
}

function decodeEndpoint(wire: EndpointWire, fields: Fields, at: string): Endpoint {
  if (isIP(wire.address) === 0) fields.problem(`${at}.address`, `"${wire.address}" is not an IP address`)
  const { mesh } = wire
  return {
    workload: fields.service(wire.workload, `${at}.workload`) as string as WorkloadKey,
    address: wire.address,
    zone: wire.zone,
    ports: wire.ports.map(({ servicePort, appPort }, i) => ({
      servicePort: fields.port(servicePort, `${at}.ports[${i}].servicePort`),
      appPort: fields.port(appPort, `${at}.ports[${i}].appPort`),
    })),
    tls: mesh
      ? {
          kind: 'mesh',
          spiffeId: fields.spiffeId(mesh.spiffeId, `${at}.mesh.spiffeId`),
          inboundPort: fields.port(mesh.inboundPort, `${at}.mesh.inboundPort`),
        }
      : { kind: 'none', why: 'not-in-mesh' },
  }
}
