import type { WorkloadResource } from '../resources/mod.ts'
import type { Protocol } from '../snapshot/mod.ts'
import { portPairs } from './endpoints.ts'
import { servicesOf } from './selectors.ts'
import type { World } from './world.ts'

/**
 * Kubernetes' `appProtocol`: IANA's names of services, and `kubernetes.io/*` (KEP-3726). What is not here is bytes to us, whether we know its name
 * (`https`, `kubernetes.io/wss`, `mysql`, `redis`) or not.
 */
const KNOWN: ReadonlyMap<string, Protocol> = new Map<string, Protocol>([
  ['detect', 'detect'],
  ['http', 'http'],
  ['http/1.1', 'http'],
  ['ws', 'http'],
  ['websocket', 'http'],
  ['kubernetes.io/ws', 'http'],
  ['grpc-web', 'http'],
  ['http2', 'http2'],
  ['h2c', 'http2'],
  ['kubernetes.io/h2c', 'http2'],
  ['grpc', 'grpc'],
])

/** What is spoken at a port that declares this. Case does not matter. Undeclared: the first bytes tell. */
export function protocolOf(appProtocol: string | undefined): Protocol {
  return appProtocol === undefined ? 'detect' : (KNOWN.get(appProtocol.toLowerCase()) ?? 'tcp')
}

/** For each of the workload's ports that says nothing itself: what the Services declare that have it. Where they differ, none is believed. */
export function compileInboundProtocols(world: World, workload: WorkloadResource): (port: number) => Protocol {
  const byPort = new Map<number, Protocol>()
  for (const key of servicesOf(world, workload)) {
    const service = world.services.get(key)!
    for (const { servicePort, appPort } of portPairs(service, workload)) {
      const declared = protocolOf(service.spec.ports.find(({ port }) => port === servicePort)?.appProtocol)
      byPort.set(appPort, (byPort.get(appPort) ?? declared) === declared ? declared : 'detect')
    }
  }
  return port => byPort.get(port) ?? 'detect'
}
