import type { Server as HttpServer } from 'node:http'
import {
  Server as GrpcServer,
  type ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
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
  /** `undefined`: nothing is plugged in there. */
  readonly webhook: HttpServer | undefined
  readonly handshakeRefused: HandshakeRefused
  /** A connection was closed as soon as it came: as many as there may be were open. */
  connectionDropped(door: 'enrolment' | 'discovery'): void
}

/** Where each listens, `host:port`, and the way to close them all. */
export interface Doors {
  readonly enrolment: string
  readonly discovery: string
  readonly rest: string
  readonly metrics: string
  readonly webhook?: string
  close(): Promise<void>
}

/**
 * Connections at one time. A sidecar holds one or two to discovery (streams for policy and for reports), and to enrolment for a moment; what is
 * above it waits and comes again. A connection costs some 60 KB with its TLS.
 */
const CONNECTIONS_MAX = { enrolment: 1_024, discovery: 20_000 } as const

const ANY_PORT = 0

/** Anybody may knock on the enrolment port: each connection gets room for a few signing requests of some hundred bytes, and not for long. */
const ENROLMENT_SERVER_OPTIONS = {
  'grpc.max_receive_message_length': 64 * 1024,
  'grpc.max_concurrent_streams': 16,
  'grpc.max_connection_idle_ms': 30_000,
}

/** Opens all, or none: the error says which port could not be had, and which flag changes it. */
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

  const where = (name: keyof typeof ports) => ({ host, port: ports[name] ?? ANY_PORT, flag: `${name}-port` })
  // One after the other: whose servers begin to listen is told by when they do.
  const opened = (name: keyof typeof CONNECTIONS_MAX, server: GrpcServer, tls: ServerCredentials) => {
    const bound = { connectionsMax: CONNECTIONS_MAX[name], dropped: () => behind.connectionDropped(name) }
    return watchingHandshakes(behind.handshakeRefused, bound, () => listenGrpc(server, tls, where(name)))
  }
  const enrolment = await opened('enrolment', enrolmentServer, enrolmentTls)
  const discovery = await opened('discovery', discoveryServer, discoveryTls)
  const [rest, metrics, webhook] = await watchingHandshakes(behind.handshakeRefused, undefined, () =>
    Promise.all([
      listenHttp(behind.rest, where('rest')),
      listenHttp(behind.metrics, where('metrics')),
      behind.webhook === undefined ? undefined : listenHttp(behind.webhook, where('webhook')),
    ]),
  )
  const all = [rest, enrolment, discovery, metrics, ...(webhook === undefined ? [] : [webhook])]
  const close = async () => {
    await Promise.all(all.map(door => (door.ok ? door.value.close() : undefined)))
  }
  if (enrolment.ok && discovery.ok && rest.ok && metrics.ok && webhook?.ok !== false) {
    const at = ({ value }: { readonly value: Listening }) => addressText(host, value.port)
    const open = { enrolment: at(enrolment), discovery: at(discovery), rest: at(rest), metrics: at(metrics), close }
    return ok(webhook === undefined ? open : { ...open, webhook: at(webhook) })
  }
  await close()
  const shut = all.find(door => !door.ok)
  assert(shut !== undefined && !shut.ok, 'one of them is not open')
  return shut
}
