import { isIP } from 'node:net'
import {
  err,
  isDnsLabel,
  ok,
  parsePort,
  parseServiceKey,
  type Result,
  type ServiceKey,
  workloadKey,
} from '../../../common/mod.ts'
import type { SnapshotProblem } from '../../../model/snapshot/mod.ts'
import type * as proto from '../../../proto/mod.ts'
import type { ContentVersion, ResourceName } from '../../snapshots/mod.ts'
import {
  HELD_MAX,
  NAME_TEXT_MAX,
  PROBLEM_TEXT_MAX,
  PROBLEMS_MAX,
  REGISTRATION_ENTRIES_MAX,
  SUBSCRIPTIONS_MAX,
} from '../limits.ts'
import type { HelloMessage, SidecarMessage, WorkloadRegistration } from '../messages.ts'

type HelloWire = NonNullable<proto.SidecarMessage__Output['hello']>
type RegistrationWire = NonNullable<HelloWire['registration']>
type NackWire = NonNullable<proto.SidecarMessage__Output['nack']>

/** What a sidecar said, checked and bounded. An error says what is wrong with it; the stream is then of no use. */
export function decodeMessage(wire: proto.SidecarMessage__Output): Result<SidecarMessage, string> {
  switch (wire.message) {
    case 'hello':
      return wire.hello ? decodeHello(wire.hello) : err('hello is empty')
    case 'subscribe': {
      const add = decodeServices(wire.subscribe?.add ?? [])
      if (!add.ok) return add
      const remove = decodeServices(wire.subscribe?.remove ?? [])
      return remove.ok ? ok({ kind: 'subscribe', add: add.value, remove: remove.value }) : remove
    }
    case 'ack':
      return ok({ kind: 'ack', nonce: wire.ack?.nonce ?? '' })
    case 'nack':
      return ok(decodeNack(wire.nack))
    case 'readiness':
      return ok({ kind: 'readiness', ready: wire.readiness?.ready ?? false })
    case 'goodbye':
      return ok({ kind: 'goodbye' })
    case 'addressQuestion': {
      const address = wire.addressQuestion?.address ?? ''
      return isIP(address) === 0 ? err('an address question names no IP address') : ok({ kind: 'address', address })
    }
    default:
      return err('the message is of no known kind')
  }
}

function decodeHello(wire: HelloWire): Result<HelloMessage, string> {
  const workload = parseServiceKey(wire.workload)
  if (!workload.ok) return err(`"${wire.workload}" is not a workload: write namespace/name`)
  const [namespace = '', name = ''] = workload.value.split('/')
  if (wire.programVersion.length > NAME_TEXT_MAX)
    return err(`program_version has more than ${NAME_TEXT_MAX} characters`)
  const subscriptions = decodeServices(wire.subscriptions)
  if (!subscriptions.ok) return subscriptions
  if (wire.held.length > HELD_MAX) return err(`held has ${wire.held.length} resources: ${HELD_MAX} is the most`)
  const held = new Map<ResourceName, ContentVersion>()
  for (const { name: resource, version } of wire.held) {
    if (!isResourceName(resource)) return err(`held: "${resource}" is not the name of a resource`)
    held.set(resource, version as ContentVersion)
  }
  if (!wire.registration) return err('registration is missing')
  const registration = decodeRegistration(wire.registration)
  if (!registration.ok) return registration
  // Not what 2^53 and more looks like: with such numbers, the next is not one more.
  if (!Number.isSafeInteger(wire.revision)) return err(`revision: ${wire.revision} is none`)
  return ok({
    kind: 'hello',
    protocolVersion: wire.protocolVersion,
    workload: workloadKey(namespace, name),
    namespace,
    programVersion: wire.programVersion,
    subscriptions: subscriptions.value,
    held,
    registration: registration.value,
    revision: wire.revision,
    endpointChanges: wire.endpointChanges,
  })
}

function isResourceName(text: string): text is ResourceName {
  if (text === 'self') return true
  const slash = text.indexOf('/')
  const kind = text.slice(0, slash)
  return (kind === 'service' || kind === 'endpoints') && parseServiceKey(text.slice(slash + 1)).ok
}

function decodeServices(names: readonly string[]): Result<readonly ServiceKey[], string> {
  if (names.length > SUBSCRIPTIONS_MAX) {
    return err(`${names.length} services are named: ${SUBSCRIPTIONS_MAX} is the most for one sidecar`)
  }
  const services: ServiceKey[] = []
  for (const name of names) {
    const service = parseServiceKey(name)
    if (!service.ok) return service
    services.push(service.value)
  }
  return ok(services)
}

function decodeRegistration(wire: RegistrationWire): Result<WorkloadRegistration, string> {
  if (isIP(wire.address) === 0) return err(`registration.address: "${wire.address}" is not an IP address`)
  if (wire.inboundPort !== 0 && !parsePort(wire.inboundPort).ok) {
    return err(`registration.inbound_port: ${wire.inboundPort} is not a port`)
  }
  if (!isDnsLabel(wire.serviceAccount)) {
    return err(`registration.service_account: "${wire.serviceAccount}" is not a name`)
  }
  const labels = Object.entries(wire.labels)
  if (wire.ports.length > REGISTRATION_ENTRIES_MAX || labels.length > REGISTRATION_ENTRIES_MAX) {
    return err(`registration: ${REGISTRATION_ENTRIES_MAX} ports and as many labels are the most`)
  }
  for (const { name, port, protocol } of wire.ports) {
    if (!parsePort(port).ok) return err(`registration.ports: ${port} is not a port`)
    if (Math.max(name.length, protocol.length) > NAME_TEXT_MAX) return err('registration.ports: a name is too long')
  }
  for (const text of [wire.zone, ...labels.flat()]) {
    if (text.length > NAME_TEXT_MAX) return err(`registration: a text has more than ${NAME_TEXT_MAX} characters`)
  }
  return ok({
    address: wire.address,
    inboundPort: wire.inboundPort === 0 ? undefined : wire.inboundPort,
    ports: wire.ports.map(({ name, port, protocol }) => ({ name, port, protocol })),
    labels: Object.fromEntries(labels),
    serviceAccount: wire.serviceAccount,
    zone: wire.zone,
    ready: wire.ready,
  })
}

function decodeNack(wire: NackWire | null | undefined): Extract<SidecarMessage, { readonly kind: 'nack' }> {
  const lost = (wire?.lost ?? []).slice(0, HELD_MAX).filter(isResourceName)
  return { kind: 'nack', nonce: wire?.nonce ?? '', problems: decodeProblems(wire?.problems ?? []), lost }
}

function decodeProblems(wire: NackWire['problems']): readonly SnapshotProblem[] {
  return wire.slice(0, PROBLEMS_MAX).map(({ resource, field, message }) => ({
    resource: resource.slice(0, PROBLEM_TEXT_MAX),
    field: field.slice(0, PROBLEM_TEXT_MAX),
    message: message.slice(0, PROBLEM_TEXT_MAX),
  }))
}
