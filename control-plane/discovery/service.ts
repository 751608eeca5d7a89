import { type ServiceDefinition, status } from '@grpc/grpc-js'
import { runAtWallTime } from '../../certs/mod.ts'
import { type Clock, type Result, type SpiffeId, type WorkloadKey, workloadOf } from '../../common/mod.ts'
import type { Fleet, FleetStream } from '../fleet/mod.ts'
import type { LeaseHandle, LeaseRegistry } from '../registry/mod.ts'
import type { Snapshots } from '../snapshots/mod.ts'
import { decodeMessage } from './incoming/wire.ts'
import { HELLO_TIMEOUT_MS, PROTOCOL_VERSION } from './limits.ts'
import type { HelloMessage, SidecarMessage } from './messages.ts'
import { createPushSchedule } from './push-schedule.ts'
import { createSession, type Session } from './session.ts'
import {
  createEncoder,
  type DiscoveryCall,
  type DiscoveryHandlers,
  discoveryDefinition,
  encodeWelcome,
} from './wire.ts'

/** Who is at the other end of a stream, by its certificate. */
export interface Peer {
  readonly spiffeId: SpiffeId
  /** Unix time in milliseconds. */
  readonly notAfterMs: number
}

export interface DiscoveryOptions {
  readonly snapshots: Snapshots
  readonly registry: LeaseRegistry
  readonly fleet: Fleet
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

/** Sidecars that are looked at in one turn of the event loop when the mesh has changed, so that reading isn't held up by thousands. */
const SLICE = 100

export function discoveryService(options: DiscoveryOptions): DiscoveryService {
  const encode = createEncoder()
  /** The newest stream of each workload. */
  const streams = new Map<WorkloadKey, OpenStream>()
  const calls = new Set<(code: status, details: string) => void>()

  /** What has to be looked at; a Set keeps its order and takes nothing twice. */
  const due = new Set<OpenStream>()
  let pushing: NodeJS.Immediate | undefined
  const schedule = createPushSchedule(options.clock, () => {
    for (const stream of streams.values()) due.add(stream)
    pushing ??= setImmediate(pushSlice)
  })

  function pushSlice(): void {
    pushing = undefined
    let looked = 0
    for (const stream of due) {
      if (looked === SLICE) {
        pushing = setImmediate(pushSlice)
        return
      }
      due.delete(stream)
      stream.session.changed()
      looked++
    }
  }

  const stopListening = options.snapshots.onChange(() => schedule.changed())

  /** Lets a sidecar in whose Hello has been read, or says why not. */
  function open(call: DiscoveryCall, peer: Peer, hello: HelloMessage, end: EndStream): OpenStream | undefined {
    const refusal = refusalOf(hello, peer)
    if (refusal !== undefined) {
      end(refusal.code, refusal.details)
      return undefined
    }
    const { workload, namespace, registration } = hello
    const lease = options.registry.attach({ workload, spiffeId: peer.spiffeId, registration })
    if (!lease.ok) {
      end(status.PERMISSION_DENIED, lease.error)
      return undefined
    }
    const facts = {
      workload,
      spiffeId: peer.spiffeId,
      programVersion: hello.programVersion,
      certificateNotAfterMs: peer.notAfterMs,
    }
    const member = options.fleet.connect(facts, () => session.subscriptions())
    if (!member.ok) {
      lease.value.detach()
      end(status.RESOURCE_EXHAUSTED, member.error)
      return undefined
    }
    const session = createSession({
      held: hello.held,
      subscriptions: hello.subscriptions,
      resourcesFor: services => options.snapshots.resourcesFor({ workload, namespace, services }),
      fleet: member.value,
      // At most one update is unanswered, so what gRPC keeps for a slow reader is bounded by one update.
      send: update => call.write(encode(update)),
    })
    const stream = { workload, session, lease: lease.value, member: member.value, end }
    const older = streams.get(workload)
    streams.set(workload, stream)
    older?.end(status.ABORTED, `A newer stream of ${workload} has taken over`)
    call.write(encodeWelcome(options.name))
    session.start()
    return stream
  }

  function close(stream: OpenStream): void {
    if (streams.get(stream.workload) === stream) streams.delete(stream.workload)
    due.delete(stream)
    stream.lease.detach()
    stream.member.disconnect()
  }

  function serve(call: DiscoveryCall): void {
    const peer = options.peerIdentity(call)
    if (!peer.ok) {
      refuse(call, status.UNAUTHENTICATED, peer.error)
      return
    }
    const hurry = setTimeout(() => {
      end(status.DEADLINE_EXCEEDED, `Cannot open a discovery stream: no Hello within ${HELLO_TIMEOUT_MS} ms`)
    }, HELLO_TIMEOUT_MS)
    // TLS looks at the certificate only when a connection begins; a stream may live longer.
    const cancelExpiry = runAtWallTime(options.clock, peer.value.notAfterMs, () => {
      end(status.UNAUTHENTICATED, 'The certificate of this stream has ended. Renew it, and open another stream.')
    })
    let state: { kind: 'greeting' } | { kind: 'open'; readonly stream: OpenStream } | { kind: 'ended' } = {
      kind: 'greeting',
    }

    /** Idempotent. */
    function leave(): void {
      if (state.kind === 'ended') return
      clearTimeout(hurry)
      cancelExpiry()
      calls.delete(end)
      const before = state
      state = { kind: 'ended' }
      if (before.kind === 'open') close(before.stream)
    }

    function end(code: status, details: string): void {
      if (state.kind === 'ended') return
      leave()
      options.log({ peer: peer.ok ? peer.value.spiffeId : '', code: status[code] }, details)
      refuse(call, code, details)
    }

    calls.add(end)
    call.on('data', wire => {
      if (state.kind === 'ended') return
      const message = decodeMessage(wire)
      if (!message.ok) {
        end(status.INVALID_ARGUMENT, `Cannot read a message of ${peer.value.spiffeId}: ${message.error}`)
      } else if (state.kind === 'open') {
        take(state.stream, message.value)
      } else if (message.value.kind === 'hello') {
        clearTimeout(hurry)
        const stream = open(call, peer.value, message.value, end)
        if (stream !== undefined) state = { kind: 'open', stream }
      } else {
        end(status.FAILED_PRECONDITION, 'Cannot open a discovery stream: Hello is its first message')
      }
    })
    call.on('end', () => {
      leave()
      call.end()
    })
    // Cancelled by the peer, or cut: gRPC has nobody left to tell.
    call.on('error', leave)
    call.on('close', leave)
    call.on('cancelled', leave)
  }

  return {
    definition: discoveryDefinition(),
    implementation: { Stream: serve },
    close() {
      stopListening()
      schedule.close()
      clearImmediate(pushing)
      for (const end of [...calls]) end(status.UNAVAILABLE, 'The control plane is closing')
    },
  }
}

type EndStream = (code: status, details: string) => void

/** A stream that has been let in. */
interface OpenStream {
  readonly workload: WorkloadKey
  readonly session: Session
  readonly lease: LeaseHandle
  readonly member: FleetStream
  readonly end: EndStream
}

function take(stream: OpenStream, message: SidecarMessage): void {
  switch (message.kind) {
    case 'hello':
      stream.end(status.FAILED_PRECONDITION, `Cannot take a second Hello of ${stream.workload}: open another stream`)
      break
    case 'subscribe': {
      const taken = stream.session.subscribe(message.add, message.remove)
      if (!taken.ok) stream.end(status.RESOURCE_EXHAUSTED, taken.error)
      break
    }
    case 'ack':
      stream.session.ack(message.nonce)
      break
    case 'nack':
      stream.session.nack(message.nonce, message.problems)
      break
    case 'readiness':
      stream.lease.setReady(message.ready)
      break
  }
}

/** Identity comes from the certificate: a Hello may only repeat it. */
function refusalOf(hello: HelloMessage, peer: Peer): { readonly code: status; readonly details: string } | undefined {
  if (hello.protocolVersion !== PROTOCOL_VERSION) {
    const details =
      `Cannot speak discovery protocol ${hello.protocolVersion}: this control plane speaks ${PROTOCOL_VERSION}. ` +
      'Run the same version of both.'
    return { code: status.FAILED_PRECONDITION, details }
  }
  const owner = workloadOf(peer.spiffeId)
  const claimed = `ns/${hello.namespace}/sa/${hello.registration.serviceAccount}`
  if (owner?.namespace !== hello.namespace || owner.serviceAccount !== hello.registration.serviceAccount) {
    const details = `Cannot register ${hello.workload} as ${claimed}: the certificate is of ${peer.spiffeId}`
    return { code: status.PERMISSION_DENIED, details }
  }
  return undefined
}

/** Ends a stream with a status. The way that @grpc/grpc-js has for it. */
function refuse(call: DiscoveryCall, code: status, details: string): void {
  call.emit('error', { code, details })
}
