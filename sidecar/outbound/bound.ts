import { hostOfService, type OriginalDestination } from '../../common/mod.ts'
import type { Protocol, ServicePort } from '../../model/snapshot/mod.ts'
import type { CurrentPolicy } from '../policy/mod.ts'
import type { Bound } from '../session/mod.ts'
import type { Destinations } from './destinations.ts'

const SPEAKS: Readonly<Record<Protocol, Bound['speaks']>> = {
  http: 'http',
  http2: 'http',
  grpc: 'http',
  tcp: 'bytes',
  detect: 'anything',
}

/** What is declared to be spoken at a port (`appProtocol`). */
export function spoken(ports: readonly Pick<ServicePort, 'port' | 'protocol'>[], port: number): Bound['speaks'] {
  return SPEAKS[ports.find(each => each.port === port)?.protocol ?? 'detect']
}

/** Where a redirected connection was going: a service, when the address is that of an endpoint that we know, else the address. */
export function boundTo(
  original: OriginalDestination,
  parts: { readonly policy: CurrentPolicy; readonly destinations: Destinations },
): Bound {
  const place = parts.destinations.at(original.address, original.port)
  const ports = place === undefined ? undefined : parts.policy.serviceOf(place.key)?.snapshot.ports
  if (place !== undefined && ports !== undefined) {
    return { authority: `${hostOfService(place.key)}:${place.port}`, speaks: spoken(ports, place.port) }
  }
  const host = original.family === 6 ? `[${original.address}]` : original.address
  return { authority: `${host}:${original.port}`, speaks: 'anything' }
}
