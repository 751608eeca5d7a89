import { status } from '@grpc/grpc-js'
import { err, ok, type Result, type SpiffeId, type WorkloadKey, workloadOf } from '../../common/mod.ts'
import type { AddressOwner } from '../../model/snapshot/mod.ts'
import type { Fleet, FleetStream } from '../fleet/mod.ts'
import type { LeaseHandle, LeaseRegistry } from '../registry/mod.ts'
import type { Snapshots } from '../snapshots/mod.ts'
import { PROTOCOL_VERSION } from './limits.ts'
import type { HelloMessage, OutgoingUpdate } from './messages.ts'
import { createSession, type Session } from './session.ts'

/** Who is at the other end of a stream, by its certificate. */
export interface Peer {
  readonly spiffeId: SpiffeId
  /** Unix time in milliseconds. */
  readonly notAfterMs: number
}

/** How a stream ends: a status of gRPC, and words for whoever reads the sidecar's log. */
export interface Ending {
  readonly code: status
  readonly details: string
}

/** A sidecar that has been let in: its conversation, its workload's lease, its place in the fleet. */
export interface Admitted {
  readonly workload: WorkloadKey
  readonly session: Session
  readonly lease: LeaseHandle
  readonly member: FleetStream
  /** Answers whose an address is; says nothing while what is known is not to be believed. */
  answerAddress(address: string): void
}

export interface AdmissionRooms {
  readonly snapshots: Snapshots
  readonly registry: LeaseRegistry
  readonly fleet: Fleet
}

/** Lets a sidecar in whose Hello has been read, or says why not. Who is let in must `leave` in the end. */
export function admit(
  { snapshots, registry, fleet }: AdmissionRooms,
  peer: Peer,
  hello: HelloMessage,
  send: (update: OutgoingUpdate) => void,
  sendAddress: (address: string, owner: AddressOwner) => void,
): Result<Admitted, Ending> {
  const refusal = refusalOf(hello, peer)
  if (refusal !== undefined) return err(refusal)
  const { workload, namespace, registration } = hello
  const { spiffeId, notAfterMs } = peer
  const lease = registry.attach({ workload, spiffeId, registration })
  if (!lease.ok) return err({ code: status.PERMISSION_DENIED, details: lease.error })
  const member = fleet.connect(
    { workload, spiffeId, programVersion: hello.programVersion, certificateNotAfterMs: notAfterMs },
    () => session.subscriptions(),
  )
  if (!member.ok) {
    lease.value.detach()
    return err({ code: status.RESOURCE_EXHAUSTED, details: member.error })
  }
  const session = createSession({
    held: hello.held,
    subscriptions: hello.subscriptions,
    resourcesFor: services => snapshots.resourcesFor({ workload, namespace, services }),
    frozen: snapshots.frozen,
    changeSince: hello.endpointChanges ? snapshots.changeSince : undefined,
    fleet: member.value,
    send,
  })
  const answerAddress = (address: string): void => {
    if (!snapshots.frozen()) sendAddress(address, snapshots.ownerOf(address))
  }
  return ok({ workload, session, lease: lease.value, member: member.value, answerAddress })
}

export function leave(admitted: Admitted): void {
  admitted.lease.detach()
  admitted.member.disconnect()
}

/** Identity comes from the certificate: a Hello may only repeat it. */
function refusalOf(hello: HelloMessage, peer: Peer): Ending | undefined {
  if (hello.protocolVersion !== PROTOCOL_VERSION) {
    const details =
      `Cannot speak discovery protocol ${hello.protocolVersion}: this control plane speaks ${PROTOCOL_VERSION}. ` +
      'Run the same version of both.'
    return { code: status.FAILED_PRECONDITION, details }
  }
  const { namespace, registration } = hello
  const owner = workloadOf(peer.spiffeId)
  if (owner?.namespace !== namespace || owner.serviceAccount !== registration.serviceAccount) {
    const claimed = `ns/${namespace}/sa/${registration.serviceAccount}`
    const details = `Cannot register ${hello.workload} as ${claimed}: the certificate is of ${peer.spiffeId}`
    return { code: status.PERMISSION_DENIED, details }
  }
  return undefined
}
