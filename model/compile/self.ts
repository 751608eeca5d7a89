import type { Port, TrustDomain, WorkloadKey } from '../../common/mod.ts'
import { deepFreeze } from '../resources/mod.ts'
import type { SelfSnapshot } from '../snapshot/mod.ts'
import { compileMesh } from './mesh.ts'
import { compileInboundProtocols } from './protocols.ts'
import { servicesOf } from './selectors.ts'
import { compileInboundUpgrades } from './upgrades.ts'
import type { World } from './world.ts'

/** What the sidecar beside `workload` knows of it; `undefined`: there is no such Workload. */
export function compileSelf(world: World, workload: WorkloadKey, trustDomain: TrustDomain): SelfSnapshot | undefined {
  const resource = world.workloads.get(workload)
  if (resource === undefined) return undefined
  const { namespace } = resource.metadata
  const upgrades = compileInboundUpgrades(world, resource)
  const declared = compileInboundProtocols(world, resource)
  const ports = resource.spec.ports.map(({ port, name, protocol }) => ({
    port: port as Port,
    name: name ?? '',
    protocol: protocol === 'detect' ? declared(port) : protocol,
    upgrades: upgrades(port),
  }))
  return deepFreeze<SelfSnapshot>({
    workload,
    namespace,
    serviceAccount: resource.spec.serviceAccount,
    trustDomain,
    services: servicesOf(world, resource),
    ports: ports.sort((a, b) => a.port - b.port),
    mesh: compileMesh(world, namespace),
  })
}
