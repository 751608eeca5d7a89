import type { Server as HttpServer } from 'node:http'
import { Server as GrpcServer, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js'
import { assert, ok, type Result } from '../common/mod.ts'
import { discoveryServerCredentials, enrolmentServerCredentials, type OwnLeaf } from './ca/mod.ts'
import type { ControlPlaneConfig } from './config.ts'
import { DISCOVERY_SERVER_OPTIONS } from './discovery/mod.ts'
import { type HandshakeRefused, watchingHandshakes } from './handshakes.ts'
import { addressText, type Listening, listenGrpc, listenHttp } from './listen.ts'

/** A gRPC service with what serves it. */
export interface DoorService {
  readonly definition: ServiceDefinition
  readonly implementation: UntypedServiceImplementation
}

export interface BehindDoors {
  /** Served with server TLS alone: callers have no certificate yet. */
  readonly enrolment: readonly DoorService[]
  /** Served over mTLS. */
  readonly discovery: readonly DoorService[]
  readonly ownLeaf: OwnLeaf
  readonly rest: HttpServer
  readonly metrics: HttpServer
  readonly handshakeRefused: HandshakeRefused
}

/** Where each listens, `host:port`, and the way to close them all. */
export interface Doors {
  readonly enrolment: string
  readonly discovery: string
  readonly rest: string
  readonly metrics: string
  close(): Promise<void>
}

/** Anybody may knock on the enrolment port: each connection gets room for a few signing requests of some hundred bytes, and not for long. */
const ENROLMENT_SERVER_OPTIONS = {
  'grpc.max_receive_message_length': 64 * 1024,
  'grpc.max_concurrent_streams': 16,
  'grpc.max_connection_idle_ms': 30_000,
}

/** Opens all four, or none: the error says which port could not be had, and which flag changes it. */
export async function openDoors(
  { host, ports }: ControlPlaneConfig,
  behind: BehindDoors,
): Promise<Result<Doors, string>> {
  const enrolmentServer = new GrpcServer(ENROLMENT_SERVER_OPTIONS)
  for (const service of behind.enrolment) enrolmentServer.addService(service.definition, service.implementation)
  const discoveryServer = new GrpcServer(DISCOVERY_SERVER_OPTIONS)
  for (const service of behind.discovery) discoveryServer.addService(service.definition, service.implementation)
  const enrolmentTls = enrolmentServerCredentials(behind.ownLeaf)
  const discoveryTls = discoveryServerCredentials(behind.ownLeaf)

  const where = (name: keyof typeof ports) => ({ host, port: ports[name], flag: `${name}-port` })
  const [enrolment, discovery, rest, metrics] = await watchingHandshakes(behind.handshakeRefused, () =>
    Promise.all([
      listenGrpc(enrolmentServer, enrolmentTls, where('enrolment')),
      listenGrpc(discoveryServer, discoveryTls, where('discovery')),
      listenHttp(behind.rest, where('rest')),
      listenHttp(behind.metrics, where('metrics')),
    ]),
  )
  const close = async () => {
    await Promise.all([enrolment, discovery, rest, metrics].map(door => (door.ok ? door.value.close() : undefined)))
  }
  if (enrolment.ok && discovery.ok && rest.ok && metrics.ok) {
    const at = ({ value }: { readonly value: Listening }) => addressText(host, value.port)
    return ok({ enrolment: at(enrolment), discovery: at(discovery), rest: at(rest), metrics: at(metrics), close })
  }
  await close()
  const shut = [rest, enrolment, discovery, metrics].find(door => !door.ok)
  assert(shut !== undefined && !shut.ok, 'one of the four is not open')
  return shut
}
