import { systemClock } from '../../common/mod.ts'
import type { H1ClientSession } from '../session/mod.ts'
import { beforeCertificateEnd, type DialTarget, dial, Timer } from '../transport/mod.ts'
import type { Destination } from './destination.ts'
import type { EndpointState } from './endpoint.ts'
import type { UpstreamEnvironment } from './environment.ts'

/**
 * Handshakes with one endpoint at the same time. They share two processors: of hundreds, none would be done within the connect timeout, while of so
 * many all are, and what they made serves the others. Connections in plaintext cost nobody anything.
 */
const HANDSHAKES_MAX = 16

/** Whom a connection is made for. */
export interface ConnectionTaker {
  /** The connection, or another to the same endpoint that became free earlier. False: it isn't wanted, or not any more. */
  connected(session: H1ClientSession, endpoint: EndpointState): boolean
  /** No byte of the request has been sent. */
  connectFailed(endpoint: EndpointState, detail: string): void
}

/**
 * A connection that is being made for a request. The request waits for it no longer than until any connection to the endpoint is free, as in Go's
 * transport and in browsers; then this one is kept for the next. Where handshakes are slower than requests come (a renewal, a busy machine), each request
 * would otherwise wait for a handshake of its own, and the more wait, the slower all handshakes get.
 */
export class Connecting {
  private readonly endpoint: EndpointState
  private readonly destination: Destination
  private readonly environment: UpstreamEnvironment
  /** `undefined` once it has a connection, or has gone. */
  private taker: ConnectionTaker | undefined
  /** Not begun yet: as many handshakes as may be are under way. */
  private turn: Timer | undefined = undefined
  private stop: () => void = () => undefined
  /** Whether it is ours to count it out of the circuit breaker: until the pool has it. */
  private counted = true
  private socket: { destroy(): unknown } | undefined = undefined
  private dialling = false

  constructor(
    endpoint: EndpointState,
    destination: Destination,
    environment: UpstreamEnvironment,
    taker: ConnectionTaker,
  ) {
    this.endpoint = endpoint
    this.destination = destination
    this.environment = environment
    this.taker = taker
  }

  begin(target: DialTarget): void {
    const { endpoint, destination, environment } = this
    endpoint.connecting.push(this)
    if (!endpoint.mtls || endpoint.handshakes < HANDSHAKES_MAX) {
      this.dial(target)
      return
    }
    const { connectTimeoutMs } = destination.settings
    this.turn = new Timer(() => this.guarded(() => this.failed(`no connection within ${connectTimeoutMs} ms`)))
    environment.wheel.set(this.turn, connectTimeoutMs)
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
        connected: (socket, reads) =>
          this.guarded(() => {
            const session = endpoint.pool.adopt(socket, reads, era)
            this.socket = socket
            this.counted = false
            this.dialled()
            beforeCertificateEnd(socket, systemClock, environment.random, () => session.retire())
            const taker = this.leave()
            if (taker?.connected(session, endpoint) === true) return
            // Nobody else may use what was begun with an identity of before, nor a connection to ourselves.
            if (session.usable && (endpoint.mtls || !environment.isOurselves(socket))) endpoint.pool.released(session)
            else session.abandon()
          }),
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

  /** One handshake fewer is under way: who has waited the longest begins. */
  private dialled(): void {
    const { endpoint, environment } = this
    if (!this.dialling) return
    this.dialling = false
    endpoint.handshakes--
    const next = endpoint.connecting.find(({ turn }) => turn !== undefined)
    // The identity may have been renewed while it waited.
    const target = next === undefined ? undefined : endpoint.target(environment.svid())
    if (next === undefined || target === undefined) return
    next.endTurn()
    next.guarded(() => next.dial(target))
  }

  private endTurn(): void {
    if (this.turn !== undefined) this.environment.wheel.clear(this.turn)
    this.turn = undefined
  }

  private failed(detail: string): void {
    const taker = this.leave()
    this.countOut()
    taker?.connectFailed(this.endpoint, detail)
  }

  /** Hands another connection over that has become free. False: nobody here takes it. */
  offer(session: H1ClientSession): boolean {
    const waits = this.turn !== undefined
    if (this.taker?.connected(session, this.endpoint) !== true) return false
    this.taker = undefined
    // What hasn't begun need not.
    if (waits) this.giveUp()
    return true
  }

  /** The request has gone, and the connection is not made. */
  giveUp(): void {
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

  /** Something of ours has thrown: the request that waits hears of it, and the connection is counted out. */
  private collapse(): void {
    const taker = this.leave()
    this.stop()
    this.socket?.destroy()
    this.countOut()
    taker?.connectFailed(this.endpoint, 'an exception in this sidecar')
  }

  private leave(): ConnectionTaker | undefined {
    const { taker } = this
    const { connecting } = this.endpoint
    this.taker = undefined
    this.endTurn()
    const place = connecting.indexOf(this)
    if (place !== -1) connecting.splice(place, 1)
    return taker
  }
}
