import { didYouMean, type ServiceKey, serviceKey } from '../../common/mod.ts'
import type { HttpRouteResource } from './http-route.ts'
import type { Resource } from './kinds.ts'
import { type ResourceProblem, resourceId } from './problem.ts'
import type { ServiceResource } from './service.ts'
import { checkMatches, MatchKeys } from './shadowed-matches.ts'
import type { TrafficPolicyResource } from './traffic-policy.ts'

/** The part of the World that references are looked up in. */
export interface ReferenceWorld {
  readonly services: ReadonlyMap<ServiceKey, ServiceResource>
  readonly httpRoutes: ReadonlyMap<string, HttpRouteResource>
  readonly trafficPolicies: ReadonlyMap<string, TrafficPolicyResource>
}

interface ServiceReference {
  readonly namespace: string
  readonly name: string
  readonly port?: number | undefined
}

/**
 * Warnings about `changed` as it stands in `world`, which holds it already: references to nothing, fields without effect,
 * and matches that no request reaches.
 * None of them makes a resource invalid: what is missing may come later.
 */
export function checkReferences(world: ReferenceWorld, changed: Iterable<Resource>): ResourceProblem[] {
  const warnings: ResourceProblem[] = []
  const matchKeys = new MatchKeys()
  let routesByParent: Map<ServiceKey, HttpRouteResource[]> | undefined
  let byTarget: Map<ServiceKey, TrafficPolicyResource[]> | undefined
  for (const resource of changed) {
    const id = resourceId(resource)
    const warn = (path: string, message: string | undefined) => {
      if (message !== undefined) warnings.push({ resource: id, path, message })
    }
    if (resource.kind === 'HTTPRoute') {
      checkRoute(world, resource, warn)
      routesByParent ??= routesOfParents(world)
      checkMatches(resource, rivalsOf(resource, routesByParent), matchKeys, warn)
    }
    if (resource.kind === 'TrafficPolicy') {
      // Made once for all that changed, and only where a policy did.
      byTarget ??= policiesByTarget(world)
      checkTrafficPolicy(world, resource, byTarget.get(targetOf(resource)) ?? [], warn)
    }
  }
  return warnings
}

type Warn = (path: string, message: string | undefined) => void

function checkRoute(world: ReferenceWorld, route: HttpRouteResource, warn: Warn): void {
  const { namespace } = route.metadata
  if (route.spec.hostnames !== undefined) {
    warn('spec.hostnames', 'has no effect: hostnames are ignored for routes that attach to a Service (Gateway API)')
  }
  for (const [index, parent] of route.spec.parentRefs.entries()) {
    const path = `spec.parentRefs[${index}]`
    if (parent.group === undefined) {
      warn(
        `${path}.group`,
        'is missing: on Kubernetes this means gateway.networking.k8s.io; write group: "" for a Service',
      )
    }
    warn(path, faultOf(world, { ...parent, namespace: parent.namespace ?? namespace }))
  }
  for (const [ruleIndex, rule] of route.spec.rules.entries()) {
    for (const [index, backend] of (rule.backendRefs ?? []).entries()) {
      const fault = faultOf(world, { ...backend, namespace: backend.namespace ?? namespace })
      const consequence = backend.weight === 0 ? '' : '; its share of the requests is answered with 500'
      warn(`spec.rules[${ruleIndex}].backendRefs[${index}]`, fault === undefined ? undefined : `${fault}${consequence}`)
    }
  }
}

function checkTrafficPolicy(
  world: ReferenceWorld,
  policy: TrafficPolicyResource,
  rivals: readonly TrafficPolicyResource[],
  warn: Warn,
): void {
  const { namespace } = policy.metadata
  const { name } = policy.spec.targetRef
  warn('spec.targetRef', faultOf(world, { namespace, name }))
  const other = rivals.find(({ metadata }) => metadata.name !== policy.metadata.name)
  if (other === undefined) return
  warn('spec.targetRef', `names ${name}, as ${resourceId(other)} does: the older of the two holds`)
}

function routesOfParents(world: ReferenceWorld): Map<ServiceKey, HttpRouteResource[]> {
  const byParent = new Map<ServiceKey, HttpRouteResource[]>()
  for (const route of world.httpRoutes.values()) {
    for (const key of parentsOf(route)) {
      const list = byParent.get(key)
      if (list === undefined) byParent.set(key, [route])
      else list.push(route)
    }
  }
  return byParent
}

/** Services with very many routes are checked against so many of them: a warning is help, not a proof. */
const RIVALS_MAX = 64

function rivalsOf(route: HttpRouteResource, byParent: ReadonlyMap<ServiceKey, HttpRouteResource[]>) {
  const rivals = [...parentsOf(route)].flatMap(key => (byParent.get(key) ?? []).slice(0, RIVALS_MAX))
  return new Set(rivals)
}

function parentsOf({ metadata, spec }: HttpRouteResource): Set<ServiceKey> {
  return new Set(spec.parentRefs.map(({ namespace, name }) => serviceKey(namespace ?? metadata.namespace, name)))
}

function policiesByTarget(world: ReferenceWorld): Map<ServiceKey, TrafficPolicyResource[]> {
  const byTarget = new Map<ServiceKey, TrafficPolicyResource[]>()
  for (const policy of world.trafficPolicies.values()) {
    const key = targetOf(policy)
    const list = byTarget.get(key)
    if (list === undefined) byTarget.set(key, [policy])
    else list.push(policy)
  }
  return byTarget
}

function targetOf(policy: TrafficPolicyResource): ServiceKey {
  return serviceKey(policy.metadata.namespace, policy.spec.targetRef.name)
}

function faultOf(world: ReferenceWorld, { namespace, name, port }: ServiceReference): string | undefined {
  const service = world.services.get(serviceKey(namespace, name))
  if (service === undefined)
    return `names no Service: ${namespace}/${name} is not there${nearestService(world, namespace, name)}`
  if (port === undefined || service.spec.ports.some(known => known.port === port)) return undefined
  const ports = service.spec.ports.map(known => known.port).join(', ')
  return `names a port that does not exist: Service ${namespace}/${name} has ${ports}, not ${port}`
}

function nearestService(world: ReferenceWorld, namespace: string, name: string): string {
  const names: string[] = []
  for (const service of world.services.values()) {
    if (service.metadata.namespace === namespace) names.push(service.metadata.name)
  }
  return didYouMean(name, names)
}
