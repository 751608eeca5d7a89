import type { EndpointKey, ServiceKey } from '../../common/mod.ts'
import { type BreakerCounts, releaseConnection } from '../../decide/breaker/mod.ts'
import { isEjected, OutlierGroup, portInPanic, usableInPanic } from '../../decide/outlier/mod.ts'
import { RetryBudget } from '../../decide/retry/mod.ts'
import type { Protocol, TrafficSettings } from '../../model/snapshot/mod.ts'
import type { ClientCarriage, PoolHost } from '../session/mod.ts'
import { versionOf } from './declared.ts'
import { type EndpointAddress, EndpointState } from './endpoint.ts'
import type { UpstreamEnvironment } from './environment.ts'

/** Someone who waits for a connection because the circuit breaker allows no more of them. */
export interface ConnectionWaiter {
  readonly port: number
  /** A connection is free. False when it isn't wanted any more. */
  offered(session: ClientCarriage, endpoint: EndpointState): boolean
  /** There is room to connect. False when it isn't used. */
  roomToConnect(): boolean
}

const NO_ENDPOINTS: readonly EndpointState[] = []

/** A Service as a place to send requests to: its endpoints by port, and what is counted for all of them together. Outlives snapshots. */
export class Destination {
  readonly key: ServiceKey | undefined
  readonly breaker: BreakerCounts
  readonly group = new OutlierGroup()
  readonly budget: RetryBudget
  settings: TrafficSettings
  private readonly environment: UpstreamEnvironment
  private readonly byKey = new Map<EndpointKey, EndpointState>()
  private byPort = new Map<number, EndpointState[]>()
  private readonly waiters: ConnectionWaiter[] = []
  private versions = new Map<number, 1 | 2 | undefined>()
  /** Who counts its connections now. */
  private successor: Destination | undefined = undefined

  constructor(key: ServiceKey | undefined, settings: TrafficSettings, environment: UpstreamEnvironment) {
    this.key = key
    this.settings = settings
    this.environment = environment
    this.breaker = environment.breakerOf(key)
    this.budget = new RetryBudget(settings.retryBudget, environment.turn.nowMs())
  }

  candidates(port: number): readonly EndpointState[] {
    return this.byPort.get(port) ?? NO_ENDPOINTS
  }

  all(): IterableIterator<EndpointState> {
    return this.byKey.values()
  }

  /** The service was gone, and is back: what its connections of before still carry (tunnels) counts here from now on. */
  succeed(before: Destination): void {
    this.breaker.connections += before.breaker.connections
    before.successor = this
  }

  /** What its ports are declared to speak. */
  declare(ports: readonly { readonly port: number; readonly protocol: Protocol }[]): void {
    this.versions = new Map(ports.map(({ port, protocol }) => [port, versionOf(protocol)]))
  }

  /** The version of HTTP that an application at this port is spoken to in; `undefined`: the one that the request was made in. */
  versionAt(port: number): 1 | 2 | undefined {
    return this.versions.get(port)
  }

  configure(settings: TrafficSettings): void {
    this.settings = settings
    this.budget.reconfigure(settings.retryBudget)
    this.admitWaiters()
  }

  /** A limit that was raised has room for some of those who wait, though no connection ends. */
  private admitWaiters(): void {
    let room = this.settings.breaker.connectionsMax - this.breaker.connections
    while (room > 0 && this.waiters.length > 0) if (this.waiters.shift()?.roomToConnect()) room--
  }

  /** Replaces the endpoints. Those that stay keep what was learnt of them and their connections; those that go finish what they carry. */
  place(endpoints: Iterable<{ readonly servicePort: number; readonly address: EndpointAddress }>): void {
    const byPort = new Map<number, EndpointState[]>()
    const kept = new Set<EndpointKey>()
    for (const { servicePort, address } of endpoints) {
      const state = this.stateOf(address)
      kept.add(address.key)
      const list = byPort.get(servicePort)
      if (list === undefined) byPort.set(servicePort, [state])
      else list.push(state)
    }
    this.byPort = byPort
    for (const [key, state] of this.byKey) {
      if (kept.has(key)) continue
      this.byKey.delete(key)
      this.group.remove(state.outlier)
      state.pool.close()
    }
    this.dismissWaiters()
  }

  /** Who waits for a connection to endpoints that are all gone waits in vain. */
  private dismissWaiters(): void {
    if (!this.waiters.some(({ port }) => this.candidates(port).length === 0)) return
    for (const waiter of this.waiters.splice(0)) {
      if (this.candidates(waiter.port).length > 0) this.waiters.push(waiter)
      else waiter.roomToConnect()
    }
  }

  private stateOf(address: EndpointAddress): EndpointState {
    const known = this.byKey.get(address.key)
    if (known !== undefined) {
      if (sameTls(known.address, address)) return known
      this.group.remove(known.outlier)
      known.pool.close()
    }
    const state: EndpointState = new EndpointState(
      address,
      this.key,
      this.environment.turn.nowMs(),
      this.poolHost(() => state),
    )
    this.byKey.set(address.key, state)
    this.group.add(state.outlier)
    return state
  }

  private poolHost(endpoint: () => EndpointState): PoolHost {
    return {
      turn: this.environment.turn,
      wanted: () => this.waiters.length > 0 || endpoint().connecting.length > 0,
      offer: session => this.offer(session, endpoint()),
      connectionClosed: () => this.connectionEnded(),
      broken: this.environment.broken,
    }
  }

  /** Ejected endpoints are left out, unless so many are that all are used: of the service, and of those at the port where it has several. */
  usable(port: number, nowMs: number): (endpoint: EndpointState) => boolean {
    const { group, settings } = this
    if (group.ejected(nowMs) === 0 || usableInPanic(group, settings.outlier, nowMs)) return everyEndpoint
    if (this.byPort.size > 1 && portInPanic(this.candidates(port), group, settings.outlier, nowMs)) return everyEndpoint
    return endpoint => !isEjected(endpoint.outlier, nowMs)
  }

  wait(waiter: ConnectionWaiter): () => void {
    this.waiters.push(waiter)
    this.makeRoom(waiter.port)
    return () => {
      const place = this.waiters.indexOf(waiter)
      if (place !== -1) this.waiters.splice(place, 1)
    }
  }

  /** Closes a kept connection that requests to this port can't use: it would hold its place in vain. */
  private makeRoom(port: number): void {
    const fitting = this.candidates(port)
    for (const endpoint of this.byKey.values()) {
      if (!fitting.includes(endpoint) && endpoint.pool.closeOneIdle()) return
    }
  }

  /** A connection has ended, or never came to be: there is room for another. */
  connectionEnded(): void {
    if (this.successor !== undefined) {
      this.successor.connectionEnded()
      return
    }
    releaseConnection(this.breaker)
    // Who finds no endpoint any more leaves the room to the next.
    while (this.waiters.length > 0) if (this.waiters.shift()?.roomToConnect()) return
  }

  private offer(session: ClientCarriage, endpoint: EndpointState): boolean {
    for (let i = 0; i < this.waiters.length; i++) {
      const waiter = this.waiters[i]!
      if (!this.candidates(waiter.port).includes(endpoint)) continue
      this.waiters.splice(i, 1)
      i--
      if (waiter.offered(session, endpoint)) return true
    }
    // Who waits for a connection to this endpoint need not wait for its own.
    for (const connecting of endpoint.connecting) if (connecting.offer(session)) return true
    return false
  }

  /** Connections that carry nothing for longer than this are closed; those to other sidecars may be kept longer than those to just any server. */
  closeIdle(meshIdleMsMax: number, plainIdleMsMax: number): void {
    for (const endpoint of this.byKey.values()) endpoint.pool.closeIdle(endpoint.mtls ? meshIdleMsMax : plainIdleMsMax)
  }

  /** The identity has been renewed: the connections that were begun with the one before. */
  outdated(): readonly { retire(): void }[] {
    return [...this.byKey.values()].filter(endpoint => endpoint.mtls).flatMap(endpoint => endpoint.pool.outdated())
  }

  close(): void {
    for (const endpoint of this.byKey.values()) endpoint.pool.close()
  }
}

function everyEndpoint(): boolean {
  return true
}

function sameTls(a: EndpointAddress, b: EndpointAddress): boolean {
  if (a.tls.kind === 'mesh' && b.tls.kind === 'mesh') return a.tls.spiffeId === b.tls.spiffeId
  return a.tls.kind === b.tls.kind
}
