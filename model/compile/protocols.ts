import type { WorkloadResource } from '../resources/mod.ts'
import type { Protocol } from '../snapshot/mod.ts'
import { portPairs } from './endpoints.ts'
import { servicesOf } from './selectors.ts'
import type { World } from './world.ts'

/** Kubernetes' `appProtocol`: IANA names and `kubernetes.io/*`. Unset: the first bytes tell. What we don't speak is opaque. */
export function protocolOf(appProtocol: string | undefined): Protocol {
  switch (appProtocol?.toLowerCase()) {
    case undefined:
    case 'detect':
      return 'detect'
    case 'http':
    case 'kubernetes.io/ws':
      return 'http'
    case 'http2':
    case 'h2c':
    case 'kubernetes.io/h2c':
      return 'http2'
    case 'grpc':
      return 'grpc'
    default:
      return 'tcp'
  }
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
