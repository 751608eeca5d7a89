import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { systemClock } from '../../common/mod.ts'
import { type CarriageKind, type ClientCarriage, RawClient } from '../session/mod.ts'
import { beforeCertificateEnd, type DialTarget, dial, type Reads, Timer } from '../transport/mod.ts'
import type { Destination } from './destination.ts'
import type { EndpointState } from './endpoint.ts'
import type { UpstreamEnvironment } from './environment.ts'

/**
 * Handshakes with one endpoint at the same time. They share two processors: of hundreds, none would be done within the connect timeout, while of so
 * many all are, and what they made serves the others. Connections in plaintext cost nobody anything.
 */
const HANDSHAKES_MAX = 16
/** Requests that wait for one connection of HTTP/2: what any endpoint may be expected to carry at once (RFC 9113, 6.5.2 asks for 100). */
const TAKERS_MAX = 100

/** Whom a connection is made for. */
export interface ConnectionTaker {
  /** The connection, or another to the same endpoint that became free earlier. False: it isn't wanted, or not any more. */
  connected(session: ClientCarriage, endpoint: EndpointState): boolean
  /** The connection carries one request at a time, and another has it: one of its own is needed. */
  connectAgain(endpoint: EndpointState): void
  /** Its turn to connect did not come in time. The endpoint is not to blame. */
  connectNotTried(endpoint: EndpointState, detail: string): void
  /** No byte of the request has been sent. */
  connectFailed(endpoint: EndpointState, detail: string): void
}

/**
 * A connection that is being made for a request, or for all that wait for one that can carry them together. A request waits for it no longer than
 * until any way to the endpoint is free, as in Go's transport and in browsers; then this one is kept for the next. Where handshakes are slower than
 * requests come (a renewal, a busy machine), each request would otherwise wait for a handshake of its own, and the more wait, the slower all
 * handshakes get.
 */
export class Connecting {
  readonly kind: CarriageKind
  private readonly endpoint: EndpointState
  private readonly destination: Destination
  private readonly environment: UpstreamEnvironment
  private takers: ConnectionTaker[]
  /** Not begun yet: as many handshakes as may be are under way. */
  private turn: Timer | undefined = undefined
  private stop: () => void = () => undefined
  /** Whether it is ours to count it out of the circuit breaker: until the pool has it. */
  private counted = true
  private socket: { destroy(): unknown } | undefined = undefined
  private dialling = false

  constructor(
    kind: CarriageKind,
    endpoint: EndpointState,
    destination: Destination,
    environment: UpstreamEnvironment,
    taker: ConnectionTaker,
  ) {
    this.kind = kind
    this.endpoint = endpoint
    this.destination = destination
    this.environment = environment
    this.takers = [taker]
  }

  begin(target: DialTarget): void {
    const { endpoint, destination, environment } = this
    endpoint.connecting.push(this)
    if (!endpoint.mtls || endpoint.handshakes < HANDSHAKES_MAX) {
      this.dial(target)
      return
    }
    const { connectTimeoutMs } = destination.settings
    this.turn = new Timer(() => this.guarded(() => this.turnMissed(connectTimeoutMs)))
    environment.wheel.set(this.turn, connectTimeoutMs)
  }

  /** Waits for this connection as well. False: it couldn't carry one more. */
  join(kind: CarriageKind, taker: ConnectionTaker): boolean {
    const shareable = kind === this.kind && (kind === 'http2' || (kind === 'mesh' && !this.endpoint.meshSpeaksHttp1))
    if (!shareable || this.takers.length === 0 || this.takers.length >= TAKERS_MAX) return false
    this.takers.push(taker)
    return true
  }

  private dial(target: DialTarget): void {
    const { endpoint, destination, environment } = this
    const { era } = endpoint.pool
    this.stop = dial(
      target,
      destination.settings.connectTimeoutMs,
      environment.wheel,
      environment.lookups,
      {
        connected: (socket, reads) => this.guarded(() => this.connected(socket, reads, era)),
        failed: (detail, stage) =>
          this.guarded(() => {
            this.dialled()
            if (stage === 'handshake') environment.distrusted(endpoint.name, detail)
            this.failed(detail)
          }),
      },
      environment.reads,
    )
    this.dialling = true
    endpoint.handshakes++
  }

  private connected(socket: Socket, reads: Reads | undefined, era: number): void {
    const { endpoint, environment } = this
    if (this.kind === 'bytes') {
      this.connectedBytes(socket, reads)
      return
    }
    const http2 = this.kind === 'http2' || (this.kind === 'mesh' && speaksHttp2(socket))
    if (this.kind === 'mesh') endpoint.meshSpeaksHttp1 = !http2
    const session = http2 ? endpoint.pool.adoptHttp2(socket, reads, era) : endpoint.pool.adopt(socket, reads, era)
    this.socket = socket
    this.counted = false
    this.dialled()
    beforeCertificateEnd(socket, systemClock, environment.random, () => session.retire())
    const { takers } = this
    this.leave()
    let carriage = session.carriage()
    for (const taker of takers) {
      if (carriage === undefined) taker.connectAgain(endpoint)
      else if (taker.connected(carriage, endpoint)) carriage = session.carriage()
    }
    // Nobody wants it any more: it is for the next.
    carriage?.giveBack()
    // Nobody else may use a connection to ourselves.
    if (!endpoint.mtls && environment.isOurselves(socket)) session.retire()
  }

  /** A connection for bytes serves the one that it was made for, and no other. */
  private connectedBytes(socket: Socket, reads: Reads | undefined): void {
    const { endpoint, environment, destination, takers } = this
    const owner = { closed: () => destination.connectionEnded(), broken: environment.broken }
    const client = new RawClient(socket, owner, environment.turn, reads)
    this.socket = socket
    this.counted = false
    this.dialled()
    this.leave()
    if (takers[0]?.connected(client, endpoint) !== true) client.giveBack()
  }

  /** One handshake fewer is under way: who has waited the longest begins. */
  private dialled(): void {
    const { endpoint, environment } = this
    if (!this.dialling) return
    this.dialling = false
    endpoint.handshakes--
    const next = endpoint.connecting.find(({ turn }) => turn !== undefined)
    // The identity may have been renewed while it waited.
    const target = next === undefined ? undefined : endpoint.target(environment.svid(), next.kind)
    if (next === undefined || target === undefined) return
    next.endTurn()
    next.guarded(() => next.dial(target))
  }

  private endTurn(): void {
    if (this.turn !== undefined) this.environment.wheel.clear(this.turn)
    this.turn = undefined
  }

  /** Nothing has been tried: that so many others connect at the same time says nothing of the endpoint. */
  private turnMissed(afterMs: number): void {
    const { takers } = this
    this.leave()
    this.countOut()
    const detail = `no turn to connect within ${afterMs} ms: ${HANDSHAKES_MAX} others are at it`
    for (const taker of takers) taker.connectNotTried(this.endpoint, detail)
  }

  private failed(detail: string): void {
    const { takers } = this
    this.leave()
    this.countOut()
    for (const taker of takers) taker.connectFailed(this.endpoint, detail)
  }

  /** Hands another way over that has become free. False: nobody here takes it. */
  offer(session: ClientCarriage): boolean {
    if (this.kind === 'bytes') return false
    const waits = this.turn !== undefined
    for (let i = 0; i < this.takers.length; i++) {
      const [taker] = this.takers.splice(i, 1)
      if (taker!.connected(session, this.endpoint)) {
        // What hasn't begun need not.
        if (waits && this.takers.length === 0) this.stopMaking()
        return true
      }
      // It waits on, for a connection that nobody has used.
      this.takers.splice(i, 0, taker!)
    }
    return false
  }

  /** The request has gone; with the last of them the connection is not made. */
  giveUp(taker: ConnectionTaker): void {
    const place = this.takers.indexOf(taker)
    if (place !== -1) this.takers.splice(place, 1)
    if (this.takers.length === 0) this.stopMaking()
  }

  private stopMaking(): void {
    this.leave()
    this.stop()
    this.dialled()
    this.countOut()
  }

  private countOut(): void {
    if (!this.counted) return
    this.counted = false
    this.destination.connectionEnded()
  }

  private guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.environment.broken(error)
      this.collapse()
    }
  }

  /** Something of ours has thrown: those that wait hear of it, and the connection is counted out. */
  private collapse(): void {
    const { takers } = this
    this.leave()
    this.stop()
    this.socket?.destroy()
    this.dialled()
    this.countOut()
    for (const taker of takers) taker.connectFailed(this.endpoint, 'an exception in this sidecar')
  }

  private leave(): void {
    const { connecting } = this.endpoint
    this.takers = []
    this.endTurn()
    const place = connecting.indexOf(this)
    if (place !== -1) connecting.splice(place, 1)
  }
}

function speaksHttp2(socket: Socket): boolean {
  return socket instanceof TLSSocket && socket.alpnProtocol === 'h2'
}
