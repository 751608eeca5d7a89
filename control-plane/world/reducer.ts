import { serviceKey, workloadKey } from '../../common/mod.ts'
import type { World } from '../../model/compile/mod.ts'
import type { Kind, Resource } from '../../model/resources/mod.ts'

export type WorldChange =
  | { readonly kind: 'put'; readonly resource: Resource }
  | { readonly kind: 'remove'; readonly of: Kind; readonly namespace: string; readonly name: string }

/** The world after these changes, in order. Pure: `world` stays as it is, and the maps that no change touches are shared with it. */
export function reduceWorld(world: World, changes: readonly WorldChange[]): World {
  const services = draft(world.services)
  const workloads = draft(world.workloads)
  const httpRoutes = draft(world.httpRoutes)
  const trafficPolicies = draft(world.trafficPolicies)
  const meshPolicies = draft(world.meshPolicies)
  for (const change of changes) {
    if (change.kind === 'put') put(change.resource)
    else remove(change.of, `${change.namespace}/${change.name}`)
  }
  return {
    services: services.result(),
    workloads: workloads.result(),
    httpRoutes: httpRoutes.result(),
    trafficPolicies: trafficPolicies.result(),
    meshPolicies: meshPolicies.result(),
  }

  function put(resource: Resource): void {
    const { namespace, name } = resource.metadata
    switch (resource.kind) {
      case 'Service':
        services.set(serviceKey(namespace, name), resource)
        break
      case 'Workload':
        workloads.set(workloadKey(namespace, name), resource)
        break
      case 'HTTPRoute':
        httpRoutes.set(`${namespace}/${name}`, resource)
        break
      case 'TrafficPolicy':
        trafficPolicies.set(`${namespace}/${name}`, resource)
        break
      case 'MeshPolicy':
        meshPolicies.set(`${namespace}/${name}`, resource)
        break
      case 'Process':
        // For `selvedge up` alone: the mesh doesn't look at it.
        break
    }
  }

  function remove(of: Kind, key: string): void {
    const drafts = {
      Service: services,
      Workload: workloads,
      HTTPRoute: httpRoutes,
      TrafficPolicy: trafficPolicies,
      MeshPolicy: meshPolicies,
      Process: undefined,
    }
    drafts[of]?.delete(key)
  }
}

interface Draft<Key, Value> {
  set(key: Key, value: Value): void
  delete(key: string): void
  result(): ReadonlyMap<Key, Value>
}

/** Copies a map on its first change; without one, the result is the map itself. */
function draft<Key extends string, Value>(map: ReadonlyMap<Key, Value>): Draft<Key, Value> {
  let copy: Map<Key, Value> | undefined
  return {
    set(key, value) {
      copy ??= new Map(map)
      copy.set(key, value)
    },
    delete(key) {
      if (!(copy ?? map).has(key as Key)) return
      copy ??= new Map(map)
      copy.delete(key as Key)
    },
    result: () => copy ?? map,
  }
}
