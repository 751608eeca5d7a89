import { type ServiceKey, serviceKey, type WorkloadKey, workloadKey } from '../../common/mod.ts'
import type {
  HttpRouteResource,
  MeshPolicyResource,
  Resource,
  ServiceResource,
  TrafficPolicyResource,
  WorkloadResource,
} from '../resources/mod.ts'

/**
 * All resources that snapshots are compiled from, each under `namespace/name`. An immutable value: whoever changes something makes
 * another World. It should share the maps that did not change: what is worked out from a map is kept with that map.
 */
export interface World {
  readonly services: ReadonlyMap<ServiceKey, ServiceResource>
  readonly workloads: ReadonlyMap<WorkloadKey, WorkloadResource>
  readonly httpRoutes: ReadonlyMap<string, HttpRouteResource>
  readonly trafficPolicies: ReadonlyMap<string, TrafficPolicyResource>
  readonly meshPolicies: ReadonlyMap<string, MeshPolicyResource>
}

/** The World of these resources. Of two with the same kind, namespace and name the later holds; a `Process` is no part of it. */
export function worldOf(resources: Iterable<Resource>): World {
  const services = new Map<ServiceKey, ServiceResource>()
  const workloads = new Map<WorkloadKey, WorkloadResource>()
  const httpRoutes = new Map<string, HttpRouteResource>()
  const trafficPolicies = new Map<string, TrafficPolicyResource>()
  const meshPolicies = new Map<string, MeshPolicyResource>()
  for (const resource of resources) {
    const { namespace, name } = resource.metadata
    const key = `${namespace}/${name}`
    switch (resource.kind) {
      case 'Service':
        services.set(serviceKey(namespace, name), resource)
        break
      case 'Workload':
        workloads.set(workloadKey(namespace, name), resource)
        break
      case 'HTTPRoute':
        httpRoutes.set(key, resource)
        break
      case 'TrafficPolicy':
        trafficPolicies.set(key, resource)
        break
      case 'MeshPolicy':
        meshPolicies.set(key, resource)
        break
      case 'Process':
        break
    }
  }
  return { services, workloads, httpRoutes, trafficPolicies, meshPolicies }
}
