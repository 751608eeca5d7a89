import { hostOfService, type OriginalDestination } from '../../common/mod.ts'
import type { Protocol, ServicePort } from '../../model/snapshot/mod.ts'
import type { Bound } from '../session/mod.ts'
import type { Resolver } from './resolve.ts'

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

/** Where a redirected connection was going: a service, where its address is known to be one's, else the address, which is being asked about. */
export function boundTo(original: OriginalDestination, resolver: Resolver): Bound {
  const there = resolver.atAddress(original)
  if (there.kind === 'service') {
    return {
      authority: `${hostOfService(there.key)}:${there.port}`,
      speaks: spoken(there.service.snapshot.ports, there.port),
    }
  }
  const host = original.family === 6 ? `[${original.address}]` : original.address
  return { authority: `${host}:${original.port}`, speaks: 'anything' }
}
