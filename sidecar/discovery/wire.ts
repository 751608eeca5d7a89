import type { Client, ClientDuplexStream } from '@grpc/grpc-js'
import { parseServiceKey } from '../../common/mod.ts'
import type * as proto from '../../proto/mod.ts'
import { decodeUpdate } from './decode/wire.ts'
import type { Incoming, Outgoing } from './messages.ts'

/** The protocol that this sidecar speaks. */
const PROTOCOL_VERSION = 1

export type DiscoveryStream = ClientDuplexStream<proto.SidecarMessage, proto.ControlMessage__Output>

/** Makes clients of the discovery service. */
export type DiscoveryClient = ReturnType<typeof proto.loadDiscovery>['Discovery']

/** Parses the .proto, once; with it comes all of gRPC, which a sidecar in file mode never needs. */
export async function loadDiscoveryClient(): Promise<DiscoveryClient> {
  const { loadDiscovery } = await import('../../proto/mod.ts')
  return loadDiscovery().Discovery
}

export function openStream(client: InstanceType<DiscoveryClient> & Client): DiscoveryStream {
  return client.Stream()
}

/** `undefined`: of a kind that this sidecar doesn't know, and that a newer control plane may send to newer sidecars. */
export function decodeIncoming(wire: proto.ControlMessage__Output): Incoming | undefined {
  if (wire.welcome) {
    const { controlPlane, addresses } = wire.welcome
    return { kind: 'welcome', controlPlane, addresses }
  }
  if (wire.addressAnswer) return decodeAddress(wire.addressAnswer)
  if (!wire.update) return undefined
  const { nonce, revision } = wire.update
  return { kind: 'update', nonce, revision, content: decodeUpdate(wire.update) }
}

/** An answer with a name that is none is no answer. */
function decodeAddress(wire: NonNullable<proto.ControlMessage__Output['addressAnswer']>): Incoming | undefined {
  const { address, service, instanceOf } = wire
  const keys = (service === '' ? instanceOf : [service]).map(parseServiceKey)
  const services = keys.flatMap(key => (key.ok ? [key.value] : []))
  if (services.length < keys.length) return undefined
  const [first] = services
  if (first === undefined) return { kind: 'address', address, owner: { kind: 'nobody' } }
  return {
    kind: 'address',
    address,
    owner: service === '' ? { kind: 'instance', services } : { kind: 'service', service: first },
  }
}

export function encodeOutgoing(message: Outgoing): proto.SidecarMessage {
  switch (message.kind) {
    case 'hello': {
      const { workload, programVersion, subscriptions, registration, revision } = message
      const { inboundPort, ports, labels, ...offer } = registration
      return {
        hello: {
          protocolVersion: PROTOCOL_VERSION,
          workload,
          programVersion,
          subscriptions: [...subscriptions],
          held: [...message.held].map(([name, version]) => ({ name, version })),
          registration: {
            ...offer,
            // On the wire, 0 is "none".
            inboundPort: inboundPort ?? 0,
            ports: ports.map(({ name, port, protocol }) => ({ name, port, protocol })),
            labels: { ...labels },
          },
          revision: Number(revision),
          endpointChanges: true,
        },
      }
    }
    case 'subscribe':
      return { subscribe: { add: [...message.add], remove: [...message.remove] } }
    case 'ack':
      return { ack: { nonce: message.nonce } }
    case 'nack':
      return {
        nack: {
          nonce: message.nonce,
          problems: message.problems.map(problem => ({ ...problem })),
          lost: [...message.lost],
        },
      }
    case 'readiness':
      return { readiness: { ready: message.ready } }
    case 'goodbye':
      return { goodbye: {} }
    case 'address':
      return { addressQuestion: { address: message.address } }
  }
}
