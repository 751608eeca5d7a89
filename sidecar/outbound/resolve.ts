import {
  FIRST_USE_WAIT_MS,
  type OriginalDestination,
  type Port,
  type ServiceKey,
  shortestAddress,
} from '../../common/mod.ts'
import type { Endpoint } from '../../model/snapshot/mod.ts'
import { type Exchange, endBroken } from '../http/mod.ts'
import type { CurrentPolicy, KnownService } from '../policy/mod.ts'
import { Timer, type TimerWheel } from '../transport/mod.ts'
import type { UpstreamEnvironment } from '../upstream/mod.ts'
import type { Aim, Authorities } from './authority.ts'
import type { ChosenInstance } from './chosen-instances.ts'

/** Where a request wants to go. */
export type Resolved =
  | {
      readonly kind: 'service'
      readonly key: ServiceKey
      readonly service: KnownService
      readonly port: number
      /** The one instance that the application has chosen itself, by its address. */
      readonly instance?: ChosenInstance
    }
  | { readonly kind: 'external'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'refused'
      readonly cause: 'unknown-destination' | 'no-policy' | 'bad-request'
      readonly detail: string
    }
  /** The control plane has been asked about a service, or about an address. */
  | { readonly kind: 'pending'; readonly key: string }

/** Finds out what an authority means under the current policy. */
export class Resolver {
  private readonly policy: CurrentPolicy
  private readonly authorities: Authorities
  private readonly wheel: TimerWheel
  private readonly broken: (error: unknown) => void

  constructor(policy: CurrentPolicy, authorities: Authorities, parts: Pick<UpstreamEnvironment, 'wheel' | 'broken'>) {
    this.policy = policy
    this.authorities = authorities
    this.wheel = parts.wheel
    this.broken = parts.broken
  }

  /** `original`: where the connection was going that the request came on, if the kernel has redirected it here. */
  resolve(authority: string, defaultPort: number, original?: OriginalDestination): Resolved {
    if (original !== undefined) return this.intercepted(authority, original)
    if (authority === '') return { kind: 'refused', cause: 'bad-request', detail: 'the request names no host' }
    const aim = this.authorities.read(authority)
    if (aim.service === undefined) return this.external(aim, defaultPort)
    const lookup = this.policy.lookup(aim.service)
    switch (lookup.kind) {
      case 'known':
        return inService(aim.service, lookup.service, aim, defaultPort)
      case 'absent':
        return this.external(aim, defaultPort)
      case 'unknown':
        return this.unknown(aim.service, lookup.asked)
    }
  }

  /**
   * What an intercepted request means: the service that its authority names, if that has the port to which the connection was going; else
   * whoever has the address. What an address means changes nothing for a name that is known.
   */
  private intercepted(authority: string, original: OriginalDestination): Resolved {
    const { service: key } = this.authorities.read(authority)
    if (key === undefined) return this.atAddress(original)
    const named = this.byName(key, original.port)
    if (named.kind !== 'absent' && named.kind !== 'other-port') return named
    const there = this.atAddress(original)
    // Who asks a service for a port that it doesn't have, at an address that is nobody's, is better told so.
    return named.kind === 'other-port' && there.kind === 'external' ? named.refusal : there
  }

  /** What a connection means of which nothing is known but where it was going. */
  atAddress(original: OriginalDestination): Resolved {
    const { address, port } = original
    const lookup = this.policy.lookupAddress(address)
    if (lookup.kind === 'unknown') return this.unknown(address, lookup.asked)
    const { owner } = lookup
    if (owner.kind === 'nobody') return this.passedThrough(address, port)
    if (owner.kind === 'service') {
      const named = this.byName(owner.service, port)
      if (named.kind === 'other-port') return named.refusal
      return named.kind === 'absent' ? this.passedThrough(address, port) : named
    }
    for (const key of owner.services) {
      const known = this.policy.lookup(key)
      if (known.kind === 'unknown') return this.unknown(key, known.asked)
      if (known.kind === 'absent') continue
      const chosen = instanceAt(key, known.service, this.policy.endpointsOf(key)?.endpoints ?? [], original)
      if (chosen !== undefined) return chosen
    }
    return this.passedThrough(address, port)
  }

  private byName(
    key: ServiceKey,
    port: Port,
  ):
    | Extract<Resolved, { kind: 'service' | 'pending' | 'refused' }>
    | { readonly kind: 'absent' }
    | { readonly kind: 'other-port'; readonly refusal: Resolved } {
    const lookup = this.policy.lookup(key)
    if (lookup.kind === 'absent') return lookup
    if (lookup.kind === 'unknown') return this.unknown(key, lookup.asked)
    const { service } = lookup
    if (service.snapshot.ports.some(declared => declared.port === port)) return { kind: 'service', key, service, port }
    return { kind: 'other-port', refusal: noSuchPort(key, service, port) }
  }

  private unknown(key: string, asked: boolean): Extract<Resolved, { kind: 'pending' | 'refused' }> {
    if (asked) return { kind: 'pending', key }
    return {
      kind: 'refused',
      cause: 'no-policy',
      detail: `nothing is known of ${key} and the control plane is away`,
    }
  }

  /** Waits for the first word about a service or an address, at most FIRST_USE_WAIT_MS. `done` is called once, later; if it throws, `x` is ended. */
  whenKnown(x: Exchange, key: string, done: (known: boolean) => void): void {
    const settle = (known: boolean): void => {
      try {
        done(known)
      } catch (error) {
        endBroken(x, error, this.broken)
      }
    }
    const timer = new Timer(() => {
      giveUp?.()
      settle(false)
    })
    const giveUp = this.policy.whenKnown(key, () => {
      this.wheel.clear(timer)
      settle(true)
    })
    if (giveUp === undefined) this.wheel.set(timer, 0)
    else this.wheel.set(timer, FIRST_USE_WAIT_MS)
  }

  private external(aim: Aim, defaultPort: number): Resolved {
    return this.passedThrough(aim.host, aim.port ?? defaultPort)
  }

  /** To what isn't in the mesh, as MeshPolicy says. */
  private passedThrough(host: string, port: number): Resolved {
    const { self } = this.policy
    if (self === undefined) return { kind: 'refused', cause: 'no-policy', detail: 'this sidecar has no policy yet' }
    if (self.mesh.unknownDestinations === 'refuse') {
      return {
        kind: 'refused',
        cause: 'unknown-destination',
        detail: `${host} is not in the mesh, and MeshPolicy refuses what isn't`,
      }
    }
    if (port < 1 || port > 65_535) return { kind: 'refused', cause: 'bad-request', detail: `${port} is not a port` }
    return { kind: 'external', host, port }
  }
}

/** A name without a port means the scheme's, or the only one that the Service has. */
function inService(key: ServiceKey, service: KnownService, aim: Aim, defaultPort: number): Resolved {
  const { ports } = service.snapshot
  const wanted = aim.port ?? defaultPort
  for (const port of ports) if (port.port === wanted) return { kind: 'service', key, service, port: wanted }
  if (aim.port === undefined && ports.length === 1) return { kind: 'service', key, service, port: ports[0]!.port }
  return noSuchPort(key, service, wanted)
}

function noSuchPort(key: ServiceKey, service: KnownService, wanted: number): Resolved {
  const declared = service.snapshot.ports.map(port => port.port).join(', ')
  return {
    kind: 'refused',
    cause: 'unknown-destination',
    detail: `${key} has no port ${wanted}; it has ${declared || 'none'}`,
  }
}

/** Of several ports of the service that mean the application's one, the first. */
function instanceAt(
  key: ServiceKey,
  service: KnownService,
  endpoints: readonly Endpoint[],
  { address, port: appPort }: OriginalDestination,
): Extract<Resolved, { kind: 'service' }> | undefined {
  for (const endpoint of endpoints) {
    if (shortestAddress(endpoint.address) !== address) continue
    const pair = endpoint.ports.find(each => each.appPort === appPort)
    if (pair === undefined) continue
    const { traffic } = service.snapshot
    return { kind: 'service', key, service, port: pair.servicePort, instance: { key, endpoint, appPort, traffic } }
  }
  return undefined
}
