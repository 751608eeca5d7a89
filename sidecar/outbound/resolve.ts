import { FIRST_USE_WAIT_MS, type ServiceKey } from '../../common/mod.ts'
import { type Exchange, endBroken } from '../http/mod.ts'
import type { CurrentPolicy, KnownService } from '../policy/mod.ts'
import { Timer, type TimerWheel } from '../transport/mod.ts'
import type { UpstreamEnvironment } from '../upstream/mod.ts'
import type { Aim, Authorities } from './authority.ts'

/** Where a request wants to go. */
export type Resolved =
  | { readonly kind: 'service'; readonly key: ServiceKey; readonly service: KnownService; readonly port: number }
  | { readonly kind: 'external'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'refused'
      readonly cause: 'unknown-destination' | 'no-policy' | 'bad-request'
      readonly detail: string
    }
  /** The control plane has been asked. */
  | { readonly kind: 'pending'; readonly key: ServiceKey }

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

  resolve(authority: string, defaultPort: number): Resolved {
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
        return lookup.asked
          ? { kind: 'pending', key: aim.service }
          : {
              kind: 'refused',
              cause: 'no-policy',
              detail: `nothing is known of ${aim.service} and the control plane is away`,
            }
    }
  }

  /** Waits for the first word about a service, at most FIRST_USE_WAIT_MS. `done` is called once, later; if it throws, `x` is ended. */
  whenKnown(x: Exchange, key: ServiceKey, done: (known: boolean) => void): void {
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
    const { self } = this.policy
    const port = aim.port ?? defaultPort
    if (self === undefined) return { kind: 'refused', cause: 'no-policy', detail: 'this sidecar has no policy yet' }
    if (self.mesh.unknownDestinations === 'refuse') {
      return {
        kind: 'refused',
        cause: 'unknown-destination',
        detail: `${aim.host} is not in the mesh, and MeshPolicy refuses what isn't`,
      }
    }
    if (port < 1 || port > 65_535) return { kind: 'refused', cause: 'bad-request', detail: `${port} is not a port` }
    return { kind: 'external', host: aim.host, port }
  }
}

/** A name without a port means the scheme's, or the only one that the Service has. */
function inService(key: ServiceKey, service: KnownService, aim: Aim, defaultPort: number): Resolved {
  const { ports } = service.snapshot
  const wanted = aim.port ?? defaultPort
  for (const port of ports) if (port.port === wanted) return { kind: 'service', key, service, port: wanted }
  if (aim.port === undefined && ports.length === 1) return { kind: 'service', key, service, port: ports[0]!.port }
  const declared = ports.map(port => port.port).join(', ')
  return {
    kind: 'refused',
    cause: 'unknown-destination',
    detail: `${key} has no port ${wanted}; it has ${declared || 'none'}`,
  }
}
