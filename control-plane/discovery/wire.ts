import type { ServerDuplexStream, ServiceDefinition } from '@grpc/grpc-js'
import type {
  AddressOwner,
  Backend,
  Endpoint,
  EndpointsSnapshot,
  HeaderChange,
  PathChange,
  RouteEntry,
  RouteFilter,
  RouteRule,
  SelfSnapshot,
  ServiceSnapshot,
  TrafficSettings,
  UpgradeLimit,
} from '../../model/snapshot/mod.ts'
import type * as proto from '../../proto/mod.ts'
import { loadDiscovery } from '../../proto/mod.ts'
import type { EndpointsChange, EndpointsResource, Resource } from '../snapshots/mod.ts'
import { PROTOCOL_VERSION } from './limits.ts'
import type { OutgoingUpdate } from './messages.ts'

/** One sidecar's stream, as gRPC hands it over. */
export type DiscoveryCall = ServerDuplexStream<proto.SidecarMessage__Output, proto.ControlMessage>
export type DiscoveryHandlers = proto.DiscoveryHandlers

/** Parses the .proto: call once. */
export function discoveryDefinition(): ServiceDefinition {
  return loadDiscovery().Discovery.service
}

export function encodeWelcome(controlPlane: string): proto.ControlMessage {
  return { welcome: { protocolVersion: PROTOCOL_VERSION, controlPlane, addresses: true } }
}

export function encodeAddress(address: string, owner: AddressOwner): proto.ControlMessage {
  const service = owner.kind === 'service' ? owner.service : ''
  const instanceOf = owner.kind === 'instance' ? [...owner.services] : []
  return { addressAnswer: { address, service, instanceOf } }
}

type ServiceMessage = proto.Service
type EndpointsMessage = proto.Endpoints
type ChangeMessage = proto.EndpointsChange
type RuleMessage = proto.RouteRule
type EntryMessage = NonNullable<ServiceMessage['entries']>[number]
type TrafficMessage = NonNullable<ServiceMessage['traffic']>
type FilterMessage = NonNullable<RuleMessage['filters']>[number]
type BackendMessage = NonNullable<RuleMessage['backends']>[number]
type HeaderChangeMessage = NonNullable<FilterMessage['requestHeaders']>
type PathChangeMessage = NonNullable<NonNullable<FilterMessage['rewrite']>['path']>
type EndpointMessage = NonNullable<EndpointsMessage['endpoints']>[number]

/** Writes updates. What many sidecars receive is translated once, for as long as the resource lives. */
export function createEncoder(): (update: OutgoingUpdate) => proto.ControlMessage {
  const services = new WeakMap<Resource, ServiceMessage>()
  const endpoints = new WeakMap<Resource, EndpointsMessage>()
  const changed = new WeakMap<EndpointsChange, ChangeMessage>()

  return ({ nonce, revision, resources, changes }) => {
    const update = {
      nonce,
      revision: String(revision),
      services: [] as ServiceMessage[],
      endpoints: [] as EndpointsMessage[],
      absent: [] as string[],
      endpointChanges: [] as ChangeMessage[],
    }
    let self: proto.Self | undefined
    for (const [name, resource] of resources) {
      const change = changes.get(name)
      switch (resource.kind) {
        case 'self':
          self = encodeSelf(resource.version, resource.content)
          break
        case 'service':
          update.services.push(once(services, resource, () => encodeService(resource.version, resource.content)))
          break
        case 'endpoints':
          if (change !== undefined)
            update.endpointChanges.push(once(changed, change, () => encodeChange(resource, change)))
          else
            update.endpoints.push(once(endpoints, resource, () => encodeEndpoints(resource.version, resource.content)))
          break
        case 'absent':
          update.absent.push(resource.service)
          break
      }
    }
    return { update: { ...update, ...present({ self }) } }
  }
}

function once<Source extends object, T>(made: WeakMap<Source, T>, source: Source, make: () => T): T {
  const known = made.get(source)
  if (known !== undefined) return known
  const fresh = make()
  made.set(source, fresh)
  return fresh
}

/** On the wire, absence is a field that isn't there. */
function present<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>
}

function encodeSelf(version: string, self: SelfSnapshot): proto.Self {
  const { requestTimeoutMs, traceCollector, tunnelsAtRenewal, ...mesh } = self.mesh
  return {
    version,
    workload: self.workload,
    namespace: self.namespace,
    serviceAccount: self.serviceAccount,
    trustDomain: self.trustDomain,
    services: [...self.services],
    ports: self.ports.map(({ port, name, protocol, upgrades }) => ({
      ...{ port, name, protocol },
      ...present({ upgrades: encodeUpgrades(upgrades) }),
    })),
    mesh: {
      ...mesh,
      endTunnelsAtRenewal: tunnelsAtRenewal === 'end',
      ...present({ requestTimeoutMs, traceCollector: traceCollector?.text }),
    },
  }
}

function encodeService(version: string, service: ServiceSnapshot): ServiceMessage {
  const { routing } = service
  return {
    version,
    key: service.key,
    ports: service.ports.map(({ port, name, protocol }) => ({ port, name, protocol })),
    routed: routing.kind === 'routes',
    entries: routing.kind === 'routes' ? routing.entries.map(encodeEntry) : [],
    rules: routing.kind === 'routes' ? routing.rules.map(encodeRule) : [],
    traffic: encodeTraffic(service.traffic),
  }
}

function encodeEntry(entry: RouteEntry): EntryMessage {
  return {
    ports: [...entry.ports],
    rule: entry.rule,
    path: { kind: entry.path.kind, value: entry.path.value },
    headers: entry.headers.map(({ name, kind, value }) => ({ name, kind, value })),
    query: entry.query.map(({ name, kind, value }) => ({ name, kind, value })),
    ...present({ method: entry.method }),
  }
}

function encodeRule(rule: RouteRule): RuleMessage {
  const { requestTimeoutMs, attemptTimeoutMs } = rule
  const retry = rule.retry === undefined ? undefined : { ...rule.retry, codes: [...rule.retry.codes] }
  return {
    route: rule.route,
    name: rule.name,
    filters: rule.filters.map(encodeFilter),
    backends: rule.backends.map(encodeBackend),
    ...present({ requestTimeoutMs, attemptTimeoutMs, retry }),
  }
}

function encodeFilter(filter: RouteFilter): FilterMessage {
  switch (filter.kind) {
    case 'request-headers':
      return { requestHeaders: encodeHeaderChange(filter.change) }
    case 'response-headers':
      return { responseHeaders: encodeHeaderChange(filter.change) }
    case 'redirect': {
      const { scheme, hostname, port } = filter
      const path = encodePathChange(filter.path)
      return { redirect: { status: filter.status, ...present({ scheme, hostname, port, path }) } }
    }
    case 'rewrite':
      return { rewrite: present({ hostname: filter.hostname, path: encodePathChange(filter.path) }) }
  }
}

function encodeHeaderChange(change: HeaderChange): HeaderChangeMessage {
  return {
    set: change.set.map(([name, value]) => ({ name, value })),
    add: change.add.map(([name, value]) => ({ name, value })),
    remove: [...change.remove],
  }
}

function encodePathChange(change: PathChange | undefined): PathChangeMessage | undefined {
  if (change === undefined) return undefined
  return { kind: change.kind, from: change.kind === 'prefix' ? change.from : '', value: change.value }
}

function encodeBackend(backend: Backend): BackendMessage {
  if (backend.kind === 'invalid') return { weight: backend.weight, invalid: backend.why }
  return { weight: backend.weight, service: { service: backend.service, port: backend.port } }
}

function encodeTraffic(traffic: TrafficSettings): TrafficMessage {
  return {
    connectionsMax: traffic.breaker.connectionsMax,
    pendingMax: traffic.breaker.pendingMax,
    requestsMax: traffic.breaker.requestsMax,
    outlierConsecutiveErrors: traffic.outlier.consecutiveErrors,
    outlierBaseEjectionMs: traffic.outlier.baseEjectionMs,
    outlierEjectedPercentMax: traffic.outlier.ejectedPercentMax,
    outlierHealthyPercentMin: traffic.outlier.healthyPercentMin,
    retryBudgetPercent: traffic.retryBudget.percent,
    retryBudgetMinPerSecond: traffic.retryBudget.minPerSecond,
    retryBudgetWindowMs: traffic.retryBudget.windowMs,
    connectTimeoutMs: traffic.connectTimeoutMs,
    keepsNameCase: traffic.keepsNameCase,
    ...present({ policy: traffic.policy, upgrades: encodeUpgrades(traffic.upgrades) }),
  }
}

function encodeUpgrades(limit: UpgradeLimit | undefined): TrafficMessage['upgrades'] {
  return limit === undefined ? undefined : { protocols: [...limit.protocols], by: limit.by }
}

function encodeEndpoints(version: string, snapshot: EndpointsSnapshot): EndpointsMessage {
  return { version, service: snapshot.service, endpoints: snapshot.endpoints.map(encodeEndpoint) }
}

function encodeChange({ version, content }: EndpointsResource, change: EndpointsChange): ChangeMessage {
  const { base, put, removed } = change
  return {
    version,
    service: content.service,
    baseVersion: base,
    put: put.map(encodeEndpoint),
    removed: [...removed],
  }
}

function encodeEndpoint(endpoint: Endpoint): EndpointMessage {
  const { tls } = endpoint
  const mesh = tls.kind === 'mesh' ? { spiffeId: tls.spiffeId, inboundPort: tls.inboundPort } : undefined
  return {
    workload: endpoint.workload,
    address: endpoint.address,
    zone: endpoint.zone,
    ports: endpoint.ports.map(({ servicePort, appPort }) => ({ servicePort, appPort })),
    ...present({ mesh }),
  }
}
