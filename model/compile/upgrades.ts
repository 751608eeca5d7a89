import type { ServiceKey } from '../../common/mod.ts'
import { ANY_UPGRADE, MESH_POLICY_NAME, SYSTEM_NAMESPACE, type WorkloadResource } from '../resources/mod.ts'
import type { UpgradeLimit } from '../snapshot/mod.ts'
import { portPairs } from './endpoints.ts'
import { servicesOf } from './selectors.ts'
import { policyOf } from './traffic.ts'
import type { World } from './world.ts'

/** The protocols that requests to a Service may switch to: its TrafficPolicy's, else its namespace's, else the mesh's. `undefined`: any. */
export function compileUpgrades(world: World, key: ServiceKey): UpgradeLimit | undefined {
  const policy = policyOf(world, key)
  if (policy?.spec.allowedUpgrades === undefined) {
    return upgradesIn(world, world.services.get(key)?.metadata.namespace ?? SYSTEM_NAMESPACE)
  }
  return limitOf(policy.spec.allowedUpgrades, `TrafficPolicy ${policy.metadata.namespace}/${policy.metadata.name}`)
}

/** For each of the workload's ports, what all Services allow that have it. Who comes round its own sidecar names no Service. */
export function compileInboundUpgrades(
  world: World,
  workload: WorkloadResource,
): (port: number) => UpgradeLimit | undefined {
  const byPort = new Map<number, UpgradeLimit | undefined>()
  for (const key of servicesOf(world, workload)) {
    const limit = compileUpgrades(world, key)
    for (const { appPort } of portPairs(world.services.get(key)!, workload)) {
      byPort.set(appPort, byPort.has(appPort) ? both(byPort.get(appPort), limit) : limit)
    }
  }
  return port => (byPort.has(port) ? byPort.get(port) : upgradesIn(world, workload.metadata.namespace))
}

function upgradesIn(world: World, namespace: string): UpgradeLimit | undefined {
  for (const where of [namespace, SYSTEM_NAMESPACE]) {
    const allowed = world.meshPolicies.get(`${where}/${MESH_POLICY_NAME}`)?.spec.allowedUpgrades
    if (allowed !== undefined) return limitOf(allowed, `MeshPolicy ${where}/${MESH_POLICY_NAME}`)
  }
  return undefined
}

function limitOf(allowed: readonly string[], by: string): UpgradeLimit | undefined {
  if (allowed.includes(ANY_UPGRADE)) return undefined
  return { protocols: [...new Set(allowed.map(protocol => protocol.toLowerCase()))].sort(), by }
}

function both(a: UpgradeLimit | undefined, b: UpgradeLimit | undefined): UpgradeLimit | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const protocols = a.protocols.filter(protocol => b.protocols.includes(protocol))
  return { protocols, by: a.by === b.by ? a.by : `${a.by} and ${b.by}` }
}
