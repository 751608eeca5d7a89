import type { ServiceKey, TrustDomain, WorkloadKey } from '../../common/mod.ts'
import { compileEndpoints, compileSelf, compileService, type World, withBackends } from '../../model/compile/mod.ts'
import type { Resources } from './difference.ts'
import { endpointsResource, type Resource, type ResourceName, SELF, serviceResource } from './resource.ts'
import { ABSENT, contentVersion } from './version.ts'

/** Who asks, and for what. */
export interface Wanted {
  readonly workload: WorkloadKey
  /** The caller's namespace: its routes may differ from those of others (GAMMA, consumer routes). */
  readonly namespace: string
  readonly services: Iterable<ServiceKey>
}

/** One state of the mesh, compiled on demand and once for all sidecars. */
export interface CompiledWorld {
  /** All that one sidecar shall know: itself, the services that it wants, their backends, and where the instances of each are. */
  resourcesFor(wanted: Wanted): Resources
}

/**
 * Compiles resources out of `world` as they are asked for and keeps them, so that a thousand sidecars that want the same Service cost
 * one compilation. Bounded by what is asked: callers' namespaces times Services. Thrown away with its world.
 */
export function compiledWorld(world: World, trustDomain: TrustDomain): CompiledWorld {
  const services = new Map<string, Resource>()
  const endpoints = new Map<ServiceKey, Resource | undefined>()

  function serviceFor(namespace: string, key: ServiceKey): Resource {
    // A namespace holds no slash, and a key has one: the two can't run into each other.
    const id = `${namespace}/${key}`
    const known = services.get(id)
    if (known !== undefined) return known
    const content = compileService(world, namespace, key)
    const made: Resource =
      content === undefined
        ? { kind: 'absent', version: ABSENT, service: key }
        : { kind: 'service', version: contentVersion(content), content }
    services.set(id, made)
    return made
  }

  function endpointsOf(key: ServiceKey): Resource | undefined {
    if (endpoints.has(key)) return endpoints.get(key)
    const content = compileEndpoints(world, key, trustDomain)
    const made: Resource | undefined =
      content === undefined ? undefined : { kind: 'endpoints', version: contentVersion(content), content }
    endpoints.set(key, made)
    return made
  }

  return {
    resourcesFor({ workload, namespace, services: wanted }) {
      const resources = new Map<ResourceName, Resource>()
      const self = compileSelf(world, workload, trustDomain)
      if (self !== undefined) resources.set(SELF, { kind: 'self', version: contentVersion(self), content: self })
      for (const key of withBackends(world, namespace, wanted)) {
        const service = serviceFor(namespace, key)
        resources.set(serviceResource(key), service)
        const instances = service.kind === 'absent' ? undefined : endpointsOf(key)
        if (instances !== undefined) resources.set(endpointsResource(key), instances)
      }
      return resources
    },
  }
}
