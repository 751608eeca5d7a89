import { status } from '@grpc/grpc-js'
import { runAtWallTime } from '../../certs/mod.ts'
import type { Clock, Result } from '../../common/mod.ts'
import { type Admitted, type Ending, leave, type Peer } from './admission.ts'
import { decodeMessage } from './incoming/wire.ts'
import { HELLO_TIMEOUT_MS } from './limits.ts'
import type { HelloMessage, SidecarMessage } from './messages.ts'
import type { DiscoveryCall } from './wire.ts'

/** One sidecar's stream, from its begin to its end. */
export interface Stream {
  /** Ends it with a status. Idempotent. */
  end(ending: Ending): void
}

export interface StreamOptions {
  readonly call: DiscoveryCall
  readonly peer: Peer
  readonly clock: Clock
  /** Lets the sidecar in, or not. Once for each stream, at its Hello. */
  readonly admit: (hello: HelloMessage) => Result<Admitted, Ending>
  /** The stream has ended, for whatever reason. Once. */
  readonly ended: (admitted: Admitted | undefined, ending: Ending | undefined) => void
}

type State =
  | { readonly kind: 'greeting'; readonly hurry: NodeJS.Timeout }
  | { readonly kind: 'open'; readonly admitted: Admitted }
  | { readonly kind: 'ended' }

/** Serves one stream: Hello first and soon, then whatever the sidecar has to say, until either side or the certificate ends it. */
export function serveStream({ call, peer, clock, admit, ended }: StreamOptions): Stream {
  const hurry = setTimeout(() => {
    const details = `Cannot open a discovery stream: no Hello within ${HELLO_TIMEOUT_MS} ms`
    end({ code: status.DEADLINE_EXCEEDED, details })
  }, HELLO_TIMEOUT_MS)
  // TLS looks at the certificate only when a connection begins; a stream may live longer.
  const cancelExpiry = runAtWallTime(clock, peer.notAfterMs, () => {
    const details = 'The certificate of this stream has ended. Renew it, and open another stream.'
    end({ code: status.UNAUTHENTICATED, details })
  })
  let state: State = { kind: 'greeting', hurry }

  function finish(ending: Ending | undefined): boolean {
    if (state.kind === 'ended') return false
    if (state.kind === 'greeting') clearTimeout(state.hurry)
    cancelExpiry()
    const admitted = state.kind === 'open' ? state.admitted : undefined
    state = { kind: 'ended' }
    if (admitted !== undefined) leave(admitted)
    ended(admitted, ending)
    return true
  }

  function end(ending: Ending): void {
    if (finish(ending)) refuse(call, ending)
  }

  function greet(hello: HelloMessage): void {
    const admitted = admit(hello)
    if (!admitted.ok) {
      end(admitted.error)
      return
    }
    clearTimeout(hurry)
    state = { kind: 'open', admitted: admitted.value }
    admitted.value.session.start()
  }

  function take(message: SidecarMessage): void {
    if (state.kind === 'open') {
      const ending = converse(state.admitted, message)
      if (ending !== undefined) end(ending)
    } else if (message.kind === 'hello') greet(message)
    else {
      const details = 'Cannot open a discovery stream: Hello is its first message'
      end({ code: status.FAILED_PRECONDITION, details })
    }
  }

  call.on('data', wire => {
    if (state.kind === 'ended') return
    const message = decodeMessage(wire)
    if (message.ok) take(message.value)
    else {
      const details = `Cannot read a message of ${peer.spiffeId}: ${message.error}`
      end({ code: status.INVALID_ARGUMENT, details })
    }
  })
  call.on('end', () => {
    if (finish(undefined)) call.end()
  })
  // Cancelled by the peer, or cut: nobody is left to be told.
  for (const event of ['error', 'close', 'cancelled']) call.on(event, () => finish(undefined))
  return { end }
}

/** Hands a message to whom it concerns. What is returned ends the stream. */
function converse(
  { workload, session, lease, member, answerAddress }: Admitted,
  message: SidecarMessage,
): Ending | undefined {
  switch (message.kind) {
    case 'hello':
      return {
        code: status.FAILED_PRECONDITION,
        details: `Cannot take a second Hello of ${workload}: open another stream`,
      }
    case 'subscribe': {
      const taken = session.subscribe(message.add, message.remove)
      return taken.ok ? undefined : { code: status.RESOURCE_EXHAUSTED, details: taken.error }
    }
    case 'ack':
      session.ack(message.nonce)
      return undefined
    case 'nack':
      session.nack(message.nonce, message.problems, message.lost)
      return undefined
    case 'readiness':
      lease.setReady(message.ready)
      return undefined
    case 'goodbye':
      member.leaves()
      return undefined
    case 'address':
      answerAddress(message.address)
      return undefined
  }
}

/** Ends a call with a status, the way that @grpc/grpc-js has for it. */
export function refuse(call: DiscoveryCall, { code, details }: Ending): void {
  call.emit('error', { code, details })
}
