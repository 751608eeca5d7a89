import { type Port, type ServiceKey, type TrustDomain, workloadKey, workloadSpiffeId } from '../../common/mod.ts'
import { deepFreeze, type ServiceResource, type WorkloadResource } from '../resources/mod.ts'
import type { Endpoint, EndpointsSnapshot, EndpointTls } from '../snapshot/mod.ts'
import { compareText } from './order.ts'
import { workloadsOf } from './selectors.ts'
import type { World } from './world.ts'

type PortPair = Endpoint['ports'][number]

/** Where a Service's instances are; `undefined`: there is no such Service. An instance that isn't ready, or has no fitting port, is left out. */
export function compileEndpoints(
  world: World,
  key: ServiceKey,
  trustDomain: TrustDomain,
): EndpointsSnapshot | undefined {
  const service = world.services.get(key)
  if (service === undefined) return undefined
  const endpoints: Endpoint[] = []
  for (const workload of workloadsOf(world, service)) {
    // Its application's port does not answer: it stays known, and offers nothing.
    if (workload.status?.ready === false) continue
    const ports = portPairs(service, workload)
    if (ports.length === 0) continue
    const { namespace, name } = workload.metadata
    const { address, zone } = workload.spec
    const tls = tlsOf(workload, trustDomain)
    endpoints.push({ workload: workloadKey(namespace, name), address, zone, ports, tls })
  }
  endpoints.sort((a, b) => compareText(a.workload, b.workload))
  return deepFreeze<EndpointsSnapshot>({ service: key, endpoints })
}

/** The workload's ports that a Service means. */
export function portPairs(service: ServiceResource, workload: WorkloadResource): PortPair[] {
  const pairs: PortPair[] = []
  for (const servicePort of service.spec.ports) {
    const appPort = appPortOf(servicePort, workload)
    if (appPort !== undefined) pairs.push({ servicePort: servicePort.port as Port, appPort: appPort as Port })
  }
  return pairs.sort((a, b) => a.servicePort - b.servicePort)
}

/** `undefined`: the workload has no port that fits. */
function appPortOf(
  { port, targetPort }: ServiceResource['spec']['ports'][number],
  { spec: { ports, inboundPort } }: WorkloadResource,
): number | undefined {
  if (typeof targetPort === 'string') return ports.find(({ name }) => name === targetPort)?.port
  const wanted = targetPort ?? port
  if (ports.some(known => known.port === wanted)) return wanted
  if (targetPort === undefined) return ports.length === 1 ? ports[0]?.port : undefined
  // A sidecar serves only the ports that its workload declares; outside the mesh a workload need not declare any.
  return ports.length === 0 && inboundPort === undefined ? wanted : undefined
}

function tlsOf({ metadata, spec }: WorkloadResource, trustDomain: TrustDomain): EndpointTls {
  if (spec.inboundPort === undefined) return { kind: 'none', why: 'not-in-mesh' }
  const spiffeId = workloadSpiffeId(trustDomain, metadata.namespace, spec.serviceAccount)
  return { kind: 'mesh', spiffeId, inboundPort: spec.inboundPort as Port }
}
