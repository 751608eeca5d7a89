import { type ServiceDefinition, status } from '@grpc/grpc-js'
import type { Clock, Result, WorkloadKey } from '../../common/mod.ts'
import { type AdmissionRooms, type Admitted, admit, type Peer } from './admission.ts'
import type { HelloMessage } from './messages.ts'
import { createPusher } from './pusher.ts'
import { refuse, type Stream, serveStream } from './stream.ts'
import {
  createEncoder,
  type DiscoveryCall,
  type DiscoveryHandlers,
  discoveryDefinition,
  encodeAddress,
  encodeWelcome,
} from './wire.ts'

export interface DiscoveryOptions extends AdmissionRooms {
  readonly peerIdentity: (call: Pick<DiscoveryCall, 'getAuthContext'>) => Result<Peer, string>
  /** What the control plane calls itself in its Welcome. */
  readonly name: string
  readonly clock: Clock
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

/** The discovery streams of one control plane. */
export interface DiscoveryService {
  readonly definition: ServiceDefinition
  readonly implementation: DiscoveryHandlers
  /** Ends all streams; their sidecars go elsewhere, or come back. */
  close(): void
}

export function discoveryService(options: DiscoveryOptions): DiscoveryService {
  const encode = createEncoder()
  const streams = new Set<Stream>()
  /** The newest stream of each workload. */
  const newest = new Map<WorkloadKey, { readonly stream: Stream; readonly admitted: Admitted }>()
  const pusher = createPusher(options.clock, function* () {
    for (const { admitted } of newest.values()) yield admitted.session
  })
  const stopListening = options.snapshots.onChange(() => pusher.changed())

  function serve(call: DiscoveryCall): void {
    const peer = options.peerIdentity(call)
    if (!peer.ok) {
      refuse(call, { code: status.UNAUTHENTICATED, details: peer.error })
      return
    }
    const stream = serveStream({
      call,
      peer: peer.value,
      clock: options.clock,
      admit(hello) {
        const admitted = admit(
          options,
          peer.value,
          hello,
          update => {
            // At most one update is unanswered, so what gRPC keeps for a slow reader is bounded by one update.
            if (!call.writableEnded) call.write(encode(update))
          },
          (address, owner) => {
            // Small, and one for each question; who asks without reading is not answered.
            if (!call.writableEnded && !call.writableNeedDrain) call.write(encodeAddress(address, owner))
          },
        )
        if (admitted.ok) {
          tellIfAhead(hello)
          call.write(encodeWelcome(options.name))
          replace(stream, admitted.value)
        }
        return admitted
      },
      ended(admitted, ending) {
        streams.delete(stream)
        if (admitted !== undefined && newest.get(admitted.workload)?.stream === stream) newest.delete(admitted.workload)
        if (ending !== undefined) {
          options.log({ peer: peer.value.spiffeId, code: status[ending.code] }, ending.details)
        }
      },
    })
    streams.add(stream)
  }

  /** Nothing is wrong with the sidecar: it is sent what there is now. */
  function tellIfAhead({ workload, namespace, revision: applied }: HelloMessage): void {
    const { revision } = options.snapshots.resourcesFor({ workload, namespace, services: [] })
    if (applied <= revision) return
    const message = 'A sidecar has applied a later revision than there is: the store or the clock has gone back'
    options.log({ workload, applied, revision }, message)
  }

  function replace(stream: Stream, admitted: Admitted): void {
    const { workload } = admitted
    const older = newest.get(workload)
    newest.set(workload, { stream, admitted })
    older?.stream.end({ code: status.ABORTED, details: `A newer stream of ${workload} has taken over` })
  }

  return {
    definition: discoveryDefinition(),
    implementation: { Stream: serve },
    close() {
      stopListening()
      pusher.close()
      for (const stream of streams) stream.end({ code: status.UNAVAILABLE, details: 'The control plane is closing' })
    },
  }
}
