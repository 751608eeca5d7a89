import { FIRST_USE_WAIT_MS, type ServiceKey } from '../common/mod.ts'
import type { Authorities, Destinations } from './outbound/mod.ts'
import type { CurrentPolicy, Lookup } from './policy/mod.ts'
import type { CollectorRoute, RouteToCollector } from './telemetry/otlp/mod.ts'
import { dial } from './transport/mod.ts'
import type { EndpointState, UpstreamEnvironment } from './upstream/mod.ts'

interface RouteParts {
  readonly policy: CurrentPolicy
  readonly authorities: Authorities
  readonly destinations: Destinations
  readonly environment: UpstreamEnvironment
}

/**
 * How spans get to their collector: straight to it, or to the sidecar beside it where it is a service of the mesh. Never through our own
 * doors, so that no export is routed, measured or traced by us. Whether unknown destinations are refused doesn't matter: a policy named this one.
 */
export function routeToCollector({ policy, authorities, destinations, environment }: RouteParts): RouteToCollector {
  return async (host, port) => {
    const direct: CollectorRoute = { kind: 'direct', host, port }
    const { service } = authorities.read(`${host}:${port}`)
    if (service === undefined || host.includes(':')) return direct
    const lookup = await known(policy, service)
    if (lookup.kind !== 'known') return direct
    const destination = destinations.of(service)
    const { ports } = lookup.service.snapshot
    if (!ports.some(declared => declared.port === port)) {
      const declared = ports.map(each => each.port).join(', ')
      return { kind: 'none', why: `${service} has no port ${port}; it has ${declared || 'none'}` }
    }
    const usable = destination?.usable(port, environment.turn.nowMs())
    const candidates = destination?.candidates(port).filter(endpoint => usable?.(endpoint)) ?? []
    const endpoint = candidates[Math.floor(environment.random() * candidates.length)]
    if (endpoint === undefined || destination === undefined) return { kind: 'none', why: `${service} has no endpoint` }
    return through(endpoint, destination.settings.connectTimeoutMs, environment)
  }
}

function through(endpoint: EndpointState, connectTimeoutMs: number, environment: UpstreamEnvironment): CollectorRoute {
  const { svid, wheel, lookups } = environment
  const target = endpoint.target(svid(), 'http1')
  if (target === undefined) return { kind: 'none', why: 'this sidecar has no identity yet' }
  if (target.kind === 'plain') return { kind: 'direct', host: target.host, port: target.port }
  return {
    kind: 'mesh',
    connect: () =>
      new Promise((resolve, reject) => {
        dial(target, connectTimeoutMs, wheel, lookups, {
          connected: resolve,
          failed: detail => reject(new Error(`${endpoint.name}: ${detail}`)),
        })
      }),
  }
}

/** What is known of a service, or becomes known within the time that a first request would wait. */
async function known(policy: CurrentPolicy, key: ServiceKey): Promise<Lookup> {
  const lookup = policy.lookup(key)
  if (lookup.kind !== 'unknown' || !lookup.asked) return lookup
  await new Promise<void>(resolve => {
    const giveUp = policy.whenKnown(key, () => {
      clearTimeout(timer)
      resolve()
    })
    const timer = setTimeout(() => {
      giveUp?.()
      resolve()
    }, FIRST_USE_WAIT_MS)
  })
  return policy.lookup(key)
}
