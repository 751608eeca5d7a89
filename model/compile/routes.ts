import { type Port, type ServiceKey, serviceKey } from '../../common/mod.ts'
import type { HttpRouteResource, ServiceResource } from '../resources/mod.ts'
import type { RouteRule, ServiceSnapshot } from '../snapshot/mod.ts'
import { compileMatch } from './match.ts'
import { memoOf } from './memo.ts'
import { compareAge } from './order.ts'
import { compareEntries, type RankedEntry } from './precedence.ts'
import { compileRule } from './rule.ts'
import type { World } from './world.ts'

/** A route with the ports of one Service that it is attached to; empty: all of them. */
interface Attachment {
  readonly route: HttpRouteResource
  readonly ports: readonly Port[]
}

/** The routes that name a Service as their parent, oldest first. */
const attachmentsByService = memoOf((routes: ReadonlyMap<string, HttpRouteResource>) => {
  const byService = new Map<ServiceKey, Attachment[]>()
  for (const route of [...routes.values()].sort(compareAge)) {
    const ports = new Map<ServiceKey, Port[] | 'all'>()
    for (const { namespace = route.metadata.namespace, name, port } of route.spec.parentRefs) {
      const key = serviceKey(namespace, name)
      const before = ports.get(key)
      // GW-16: without a port, all of them; that includes those which another reference names.
      if (port === undefined || before === 'all') ports.set(key, 'all')
      else ports.set(key, [...(before ?? []), port as Port])
    }
    for (const [key, named] of ports) {
      const list = byService.get(key) ?? []
      list.push({ route, ports: named === 'all' ? [] : [...new Set(named)].sort((a, b) => a - b) })
      byService.set(key, list)
    }
  }
  return byService
})

/** The routing of a Service as callers in `callerNamespace` see it. */
export function compileRouting(
  world: World,
  callerNamespace: string,
  key: ServiceKey,
  service: ServiceResource,
): ServiceSnapshot['routing'] {
  const attachments = attachmentsFor(world, callerNamespace, key, service)
  if (attachments.length === 0) return { kind: 'none-attached' }
  const rules: RouteRule[] = []
  const entries: RankedEntry[] = []
  for (const { route, ports } of attachments) {
    for (const [ruleIndex, rule] of route.spec.rules.entries()) {
      const place = rules.push(compileRule(world, route, ruleIndex)) - 1
      for (const [matchIndex, match] of rule.matches.entries()) {
        entries.push({ entry: compileMatch(match, ports, place), route, ruleIndex, matchIndex })
      }
    }
  }
  return { kind: 'routes', entries: entries.sort(compareEntries).map(({ entry }) => entry), rules }
}

/**
 * GW-17: routes in the Service's namespace (the producer's) hold for all callers, routes in another namespace (a consumer's) for callers
 * there. Where a consumer has routes for a port, they replace the producer's for it (GEP-1426): the two are never merged.
 */
function attachmentsFor(
  world: World,
  callerNamespace: string,
  key: ServiceKey,
  service: ServiceResource,
): readonly Attachment[] {
  const known = service.spec.ports.map(({ port }) => port as Port).sort((a, b) => a - b)
  const producer: Attachment[] = []
  const consumer: Attachment[] = []
  for (const attachment of attachmentsByService(world.httpRoutes).get(key) ?? []) {
    const { namespace } = attachment.route.metadata
    const ports = attachment.ports.filter(port => known.includes(port))
    // A route that names only ports which the Service does not have isn't attached.
    if (attachment.ports.length > 0 && ports.length === 0) continue
    if (namespace === service.metadata.namespace) producer.push({ ...attachment, ports })
    else if (namespace === callerNamespace) consumer.push({ ...attachment, ports })
  }
  if (consumer.length === 0) return producer
  const taken = new Set(consumer.flatMap(({ ports }) => (ports.length === 0 ? known : ports)))
  const left = producer.flatMap(attachment => {
    const ports = (attachment.ports.length === 0 ? known : attachment.ports).filter(port => !taken.has(port))
    return ports.length === 0 ? [] : [{ ...attachment, ports }]
  })
  return [...consumer, ...left]
}
