import { endpointKey, type Port, type ServiceKey } from '../../common/mod.ts'
import { isEjected } from '../../decide/outlier/mod.ts'
import type { Endpoint, EndpointsSnapshot, SelfSnapshot, TrafficSettings } from '../../model/snapshot/mod.ts'
import type { CurrentPolicy } from '../policy/mod.ts'
import type { Instruments, Meter, MeterLabels } from '../telemetry/mod.ts'
import { inTurn } from '../transport/mod.ts'
import { Destination, type EndpointAddress, type UpstreamEnvironment } from '../upstream/mod.ts'
import { type ChosenInstance, ChosenInstances } from './chosen-instances.ts'

/** Hosts outside the mesh that are remembered with their connections. */
const EXTERNAL_MAX = 256
/** How long a connection may carry nothing. Below the 75 s after which our own inbound side closes. */
const MESH_IDLE_MS = 60_000
/** Servers outside the mesh are known to close after 5 s (Node's default); we look once a second. */
const PLAIN_IDLE_MS = 3_500
/** What counts for a host outside the mesh, which no TrafficPolicy names: DESIGN section 7, without ejection of the only endpoint. */
const EXTERNAL_SETTINGS: TrafficSettings = {
  policy: undefined,
  breaker: { connectionsMax: 1024, pendingMax: 1024, requestsMax: 1024 },
  outlier: { consecutiveErrors: 0, baseEjectionMs: 30_000, ejectedPercentMax: 50, healthyPercentMin: 50 },
  retryBudget: { percent: 20, minPerSecond: 10, windowMs: 10_000 },
  connectTimeoutMs: 1_000,
  keepsNameCase: false,
  upgrades: undefined,
}

/** By destination and route. */
type MeterMap = Map<string, Map<string, Record<MeterLabels['tls'], Meter | undefined>>>

/** All places that this sidecar sends requests to. Follows the policy; what is kept for a destination outlives its snapshots. */
export class Destinations {
  private readonly policy: CurrentPolicy
  private readonly environment: UpstreamEnvironment
  private readonly instruments: Instruments
  private ownName = 'unknown'
  /** Finishes the move to new connections that an earlier renewal began. */
  private finishMove: (() => void) | undefined = undefined
  private readonly services = new Map<ServiceKey, Destination>()
  /** Services that are gone, and have connections that are not: tunnels, and what is finished. */
  private readonly leaving = new Map<ServiceKey, Destination>()
  private readonly external = new Map<string, Destination>()
  private readonly instances: ChosenInstances
  private readonly meters: Readonly<Record<MeterLabels['protocol'], MeterMap>> = { http: new Map(), tcp: new Map() }

  constructor(policy: CurrentPolicy, environment: UpstreamEnvironment, instruments: Instruments) {
    this.policy = policy
    this.environment = environment
    this.instruments = instruments
    this.instances = new ChosenInstances(environment, addressOf)
    policy.onChange({
      changed: (services, self) => {
        if (self) this.takeName(policy.self)
        for (const key of services) this.follow(key)
      },
    })
  }

  private takeName(self: SelfSnapshot | undefined): void {
    if (self === undefined) return
    this.ownName = self.services[0] ?? `${self.namespace}/${self.serviceAccount}`
    this.forgetMeters()
  }

  /** The destination for a service that the policy knows. */
  of(key: ServiceKey): Destination | undefined {
    return this.services.get(key)
  }

  /** Whether anything is under way to it. */
  isBusy(key: ServiceKey): boolean {
    const breaker = this.services.get(key)?.breaker
    return breaker !== undefined && breaker.requests + breaker.pending > 0
  }

  /** One instance of a service, and no other. */
  instanceOf(chosen: ChosenInstance): Destination {
    return this.instances.of(chosen)
  }

  /** A host outside the mesh, reached as it is. */
  externalOf(host: string, port: number): Destination {
    const name = `${host}:${port}`
    let destination = this.external.get(name)
    if (destination === undefined) {
      if (this.external.size >= EXTERNAL_MAX) this.forgetOldestExternal()
      destination = new Destination(undefined, EXTERNAL_SETTINGS, this.environment)
      const address: EndpointAddress = {
        key: endpointKey(host, port, port),
        host,
        port,
        appPort: port,
        tls: { kind: 'none', why: 'not-in-mesh' },
      }
      destination.place([{ servicePort: port, address }])
      this.external.set(name, destination)
    }
    return destination
  }

  private forgetOldestExternal(): void {
    for (const [name, destination] of this.external) {
      this.external.delete(name)
      destination.close()
      return
    }
  }

  private follow(key: ServiceKey): void {
    const service = this.policy.serviceOf(key)
    const known = this.services.get(key)
    if (service === undefined) {
      if (known === undefined) return
      // Who waits for a connection is told; what is carried is finished.
      known.place([])
      this.services.delete(key)
      if (known.breaker.connections > 0) this.leaving.set(key, known)
      return
    }
    const { traffic } = service.snapshot
    const destination = known ?? new Destination(key, traffic, this.environment)
    if (known === undefined) {
      this.services.set(key, destination)
      const before = this.leaving.get(key)
      if (before !== undefined) destination.succeed(before)
      this.leaving.delete(key)
    } else destination.configure(traffic)
    destination.declare(service.snapshot.ports)
    destination.place(placed(this.policy.endpointsOf(key)))
  }

  /** The cells for one (destination, route, TLS, protocol). Two look-ups. */
  meter(destination: string, route: string, tls: MeterLabels['tls'], protocol: MeterLabels['protocol']): Meter {
    const byDestination = this.meters[protocol]
    let routes = byDestination.get(destination)
    if (routes === undefined) {
      routes = new Map()
      byDestination.set(destination, routes)
    }
    let meters = routes.get(route)
    if (meters === undefined) {
      meters = { mtls: undefined, none: undefined, unsent: undefined }
      routes.set(route, meters)
    }
    meters[tls] ??= this.instruments.meters.of({
      direction: 'outbound',
      source: this.source(),
      destination,
      route,
      protocol,
      tls,
    })
    return meters[tls]
  }

  /** Meters have expired: each is asked for again when it is needed. */
  forgetMeters(): void {
    this.meters.http.clear()
    this.meters.tcp.clear()
  }

  /** Who we are in metrics: our first service, else our service account. Replicas of a client are one caller. */
  source(): string {
    return this.ownName
  }

  /** Connections, those that are being made included. */
  get connections(): number {
    let sum = 0
    for (const { breaker } of this.services.values()) sum += breaker.connections
    for (const { breaker } of this.leaving.values()) sum += breaker.connections
    for (const { breaker } of this.external.values()) sum += breaker.connections
    for (const { breaker } of this.instances.destinations()) sum += breaker.connections
    return sum
  }

  /** `all`: however short they have idled. */
  closeIdle(which: 'old' | 'all' = 'old'): void {
    const [meshMs, plainMs] = which === 'all' ? [0, 0] : [MESH_IDLE_MS, PLAIN_IDLE_MS]
    for (const destinations of [this.services.values(), this.external.values(), this.instances.destinations()]) {
      for (const destination of destinations) destination.closeIdle(meshMs, plainMs)
    }
    for (const [key, { breaker }] of this.leaving) if (breaker.connections === 0) this.leaving.delete(key)
  }

  /** The identity has been renewed: new exchanges move to new connections within `overMs`. */
  retireMeshConnections(overMs: number): void {
    const outdated = [...this.services.values(), ...this.instances.destinations()].flatMap(destination =>
      destination.outdated(),
    )
    this.finishMove?.()
    this.finishMove = inTurn(
      outdated.map(connection => () => connection.retire()),
      overMs,
    )
  }

  /** For metrics and people. */
  *view(nowMs: number) {
    for (const [key, destination] of this.services) {
      const endpoints = [...destination.all()].map(endpoint => ({
        address: endpoint.name,
        ejected: isEjected(endpoint.outlier, nowMs),
        pending: endpoint.load.pending,
        latencyMs: Math.round(endpoint.load.ewmaMs * 100) / 100,
        connections: endpoint.pool.size,
        mtls: endpoint.mtls,
      }))
      const { breaker, settings } = destination
      yield {
        destination: key as string,
        endpoints,
        breaker: { requests: breaker.requests, pending: breaker.pending, connections: breaker.connections },
        limits: settings.breaker,
        open: breaker.requests >= settings.breaker.requestsMax,
        budgetRatio: destination.budget.ratio(nowMs),
      }
    }
  }

  close(): void {
    this.finishMove?.()
    for (const destinations of [this.services.values(), this.external.values(), this.instances.destinations()]) {
      for (const destination of destinations) destination.close()
    }
  }
}

function* placed(
  snapshot: EndpointsSnapshot | undefined,
): Generator<{ servicePort: number; address: EndpointAddress }> {
  for (const endpoint of snapshot?.endpoints ?? []) {
    for (const { servicePort, appPort } of endpoint.ports) yield { servicePort, address: addressOf(endpoint, appPort) }
  }
}

function addressOf({ address: host, tls }: Endpoint, appPort: Port): EndpointAddress {
  const port = tls.kind === 'mesh' ? tls.inboundPort : appPort
  return { key: endpointKey(host, port, appPort), host, port, appPort, tls }
}
