import type { Port, ServiceKey } from '../../common/mod.ts'
import { deepFreeze } from '../resources/mod.ts'
import type { ServiceSnapshot } from '../snapshot/mod.ts'
import { compareText } from './order.ts'
import { protocolOf } from './protocols.ts'
import { compileRouting } from './routes.ts'
import { compileTraffic } from './traffic.ts'
import type { World } from './world.ts'

/** All that a caller in `callerNamespace` needs to know of a Service; `undefined`: there is no such Service. */
export function compileService(world: World, callerNamespace: string, key: ServiceKey): ServiceSnapshot | undefined {
  const service = world.services.get(key)
  if (service === undefined) return undefined
  const ports = service.spec.ports.map(({ port, name, appProtocol }) => ({
    port: port as Port,
    name: name ?? '',
    protocol: protocolOf(appProtocol),
  }))
  return deepFreeze<ServiceSnapshot>({
    key,
    ports: ports.sort((a, b) => a.port - b.port),
    routing: compileRouting(world, callerNamespace, key, service),
    traffic: compileTraffic(world, key),
  })
}

/** The services that are wanted, and those to which their rules send requests: all that a caller must know to use them. Sorted, unique. */
export function withBackends(world: World, callerNamespace: string, wanted: Iterable<ServiceKey>): ServiceKey[] {
  const keys = new Set<ServiceKey>()
  for (const key of wanted) {
    keys.add(key)
    const service = world.services.get(key)
    if (service === undefined) continue
    const routing = compileRouting(world, callerNamespace, key, service)
    if (routing.kind === 'none-attached') continue
    for (const backend of routing.rules.flatMap(rule => rule.backends)) {
      if (backend.kind === 'service') keys.add(backend.service)
    }
  }
  return [...keys].sort(compareText)
}
