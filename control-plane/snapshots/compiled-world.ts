import type { ServiceKey, TrustDomain, WorkloadKey } from '../../common/mod.ts'
import {
  compileEndpoints,
  compileSelf,
  compileService,
  sameInstances,
  sameRules,
  type World,
  withBackends,
} from '../../model/compile/mod.ts'
import type { Resources } from './difference.ts'
import type { EndpointChanges, EndpointsResource } from './endpoint-changes.ts'
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
  readonly world: World
  /** All that one sidecar shall know: itself, the services that it wants, their backends, and where the instances of each are. */
  resourcesFor(wanted: Wanted): Resources
}

/** Only what exists is kept: made-up names would fill the memory, and to say that there is no such Service costs nothing. */
type Rules = Extract<Resource, { readonly kind: 'service' }>

/**
 * Compiles resources out of `world` as they are asked for and keeps them, so that a thousand sidecars that want the same Service cost
 * one compilation. Bounded by what there is: callers' namespaces times Services. Replaced with its world by `next`, which compiles
 * again only what changed.
 */
export class CompiledOnDemand implements CompiledWorld {
  readonly world: World
  readonly #trustDomain: TrustDomain
  readonly #changes: EndpointChanges
  readonly #rules = new Map<string, Rules>()
  readonly #endpoints = new Map<ServiceKey, EndpointsResource>()
  /** What was compiled from the world before, and that world; let go of when the next one comes. */
  #before: CompiledOnDemand | undefined

  constructor(world: World, trustDomain: TrustDomain, changes: EndpointChanges) {
    this.world = world
    this.#trustDomain = trustDomain
    this.#changes = changes
  }

  next(world: World): CompiledOnDemand {
    const next = new CompiledOnDemand(world, this.#trustDomain, this.#changes)
    this.#before = undefined
    next.#before = this
    return next
  }

  resourcesFor({ workload, namespace, services }: Wanted): Resources {
    const resources = new Map<ResourceName, Resource>()
    const self = compileSelf(this.world, workload, this.#trustDomain)
    if (self !== undefined) resources.set(SELF, { kind: 'self', version: contentVersion(self), content: self })
    for (const key of withBackends(this.world, namespace, services)) {
      const rules = this.#rulesFor(namespace, key)
      resources.set(serviceResource(key), rules ?? { kind: 'absent', version: ABSENT, service: key })
      const endpoints = this.#endpointsOf(key)
      if (endpoints !== undefined) resources.set(endpointsResource(key), endpoints)
    }
    return resources
  }

  #rulesFor(namespace: string, key: ServiceKey): Rules | undefined {
    // A namespace holds no slash, and a key has one: the two can't run into each other.
    const id = `${namespace}/${key}`
    const known = this.#rules.get(id) ?? this.#unchangedRules(id)
    if (known !== undefined) return known
    const content = compileService(this.world, namespace, key)
    if (content === undefined) return undefined
    const made: Rules = { kind: 'service', version: contentVersion(content), content }
    this.#rules.set(id, made)
    return made
  }

  #unchangedRules(id: string): Rules | undefined {
    const before = this.#before
    if (before === undefined || !sameRules(before.world, this.world)) return undefined
    const kept = before.#rules.get(id)
    if (kept !== undefined) this.#rules.set(id, kept)
    return kept
  }

  #endpointsOf(key: ServiceKey): EndpointsResource | undefined {
    const known = this.#endpoints.get(key) ?? this.#unchangedEndpoints(key)
    if (known !== undefined) return known
    const content = compileEndpoints(this.world, key, this.#trustDomain)
    const made: EndpointsResource | undefined =
      content === undefined ? undefined : { kind: 'endpoints', version: contentVersion(content), content }
    this.#changes.compiled(key, made)
    if (made !== undefined) this.#endpoints.set(key, made)
    return made
  }

  #unchangedEndpoints(key: ServiceKey): EndpointsResource | undefined {
    const before = this.#before
    if (before === undefined) return undefined
    const kept = before.#endpoints.get(key)
    if (kept === undefined || !sameInstances(before.world, this.world, key)) return undefined
    this.#endpoints.set(key, kept)
    return kept
  }
}
