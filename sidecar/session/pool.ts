import type { Socket } from 'node:net'
import type { Reads, Turn } from '../transport/mod.ts'
import type { CarriageKind, ClientCarriage } from './client.ts'
import { type ClientOwner, H1ClientSession } from './h1-client.ts'
import { H2ClientSession, type StreamOwner } from './h2-client.ts'
import { IdleLimit } from './idle-limit.ts'

/** How long the rest of an answer that nobody wants may take. A new connection is made in less. */
const DISCARD_MS = 1_000

export interface PoolHost {
  readonly turn: Turn
  /** Whether someone waits for a connection or a stream. */
  wanted(): boolean
  /** Someone else may use it before it is put by; true when it has been taken. */
  offer(session: ClientCarriage): boolean
  /** A connection of the pool's has ended. */
  connectionClosed(): void
  broken(error: unknown): void
}

/**
 * The connections to one endpoint's application port. Those of HTTP/1.1 are kept between requests, last in, first out, so that the surplus
 * grows idle and is closed; those of HTTP/2 carry many requests at once, and the first with room is used, so that few are needed.
 */
export class EndpointPool implements ClientOwner, StreamOwner {
  private readonly host: PoolHost
  private readonly idle: H1ClientSession[] = []
  private readonly multiplexed: H2ClientSession[] = []
  private readonly all = new Set<H1ClientSession | H2ClientSession>()
  private readonly limit = new IdleLimit()
  private retirements = 0
  private closing = false

  constructor(host: PoolHost) {
    this.host = host
  }

  get size(): number {
    return this.all.size
  }

  /** A way for one request, there now. `mesh`: connections to other sidecars, where whatever was agreed on will do. */
  take(kind: CarriageKind = 'http1'): ClientCarriage | undefined {
    if (kind === 'bytes') return undefined
    if (kind !== 'http1') {
      for (const session of this.multiplexed) if (session.hasRoom) return session.open()
      if (kind !== 'mesh') return undefined
    }
    for (;;) {
      const session = this.idle.pop()
      if (session === undefined || (session.usable && !this.outlived(session))) return session
    }
  }

  /** Its server may be closing it right now. Those below it have been free for longer. */
  private outlived(session: H1ClientSession): boolean {
    const now = this.host.turn.nowMs()
    if (now - session.idleSinceMs <= this.limit.msMax(Number.POSITIVE_INFINITY, now)) return false
    session.retire()
    return true
  }

  /** To be asked for when a connection is begun, and handed to `adopt` when it has been made. */
  get era(): number {
    return this.retirements
  }

  /** Takes over a connection that has just been made. If the pool was retired meanwhile, it serves the request that it was made for, and no other. */
  adopt(socket: Socket, reads?: Reads, begunIn: number = this.era): H1ClientSession {
    const session = new H1ClientSession(socket, this, this.host.turn, reads)
    this.all.add(session)
    if (this.closing || begunIn !== this.era) session.useOnce()
    return session
  }

  /** As `adopt`, for a connection on which HTTP/2 is spoken. Of one that was begun before the pool was retired, those who wait for it are served. */
  adoptHttp2(socket: Socket, reads?: Reads, begunIn: number = this.era): H2ClientSession {
    const session = new H2ClientSession(socket, this, this.host.turn, reads)
    this.all.add(session)
    if (this.closing || begunIn !== this.era) session.useOnce()
    else this.multiplexed.push(session)
    return session
  }

  /** The endpoint is gone: nobody will look after what is kept, so nothing is. */
  close(): void {
    this.closing = true
    this.retireAll()
  }

  /** No request that begins from now on gets one of today's connections: the identity behind them has been renewed, or the endpoint is gone. */
  retireAll(): void {
    this.retirements++
    this.idle.length = 0
    this.multiplexed.length = 0
    for (const session of this.all) session.retire()
  }

  /**
   * Today's connections, those that are free the longest first: for who retires them one after the other, so that not all requests need a new
   * one at once. What is being connected now serves the request that it is made for, and no other.
   */
  outdated(): readonly { retire(): void }[] {
    this.retirements++
    const free = new Set<unknown>(this.idle)
    return [...this.idle, ...[...this.all].filter(session => !free.has(session))]
  }

  /** Closes one connection that carries nothing, if there is one. */
  closeOneIdle(): boolean {
    const session = this.idle.pop() ?? this.multiplexed.find(({ streams }) => streams === 0)
    session?.retire()
    return session !== undefined
  }

  /** Once a second. `idleMsMax` holds where the server's own limit is not known. */
  closeIdle(idleMsMax: number): void {
    const now = this.host.turn.nowMs()
    const before = now - this.limit.msMax(idleMsMax, now)
    for (const session of this.all) {
      if (session instanceof H2ClientSession) {
        if (session.streams === 0 && session.idleSinceMs < before) session.retire()
        else session.tend(now)
      } else if (session.discarding && session.idleSinceMs < now - DISCARD_MS) session.abandon()
    }
    let kept = 0
    for (const session of this.idle) {
      if (session.idleSinceMs < before) session.retire()
      else this.idle[kept++] = session
    }
    this.idle.length = kept
  }

  released(session: H1ClientSession): void {
    session.idleSinceMs = this.host.turn.nowMs()
    if (session.idleMsSaid !== undefined) this.limit.said(session.idleMsSaid)
    if (!this.host.offer(session)) this.idle.push(session)
  }

  streamEnded(session: H2ClientSession): void {
    while (session.hasRoom && this.host.wanted()) if (!this.host.offer(session.open())) return
  }

  /** No further request is to go there. */
  streamsRefused(session: H2ClientSession): void {
    const place = this.multiplexed.indexOf(session)
    if (place !== -1) this.multiplexed.splice(place, 1)
  }

  closed(session: H1ClientSession | H2ClientSession): void {
    if (!this.all.delete(session)) return
    if (session instanceof H2ClientSession) this.streamsRefused(session)
    else {
      const place = this.idle.indexOf(session)
      if (place !== -1) {
        this.idle.splice(place, 1)
        // We didn't: what we close is put out first.
        const now = this.host.turn.nowMs()
        this.limit.ended(now - session.idleSinceMs, now)
      }
    }
    this.host.connectionClosed()
  }

  broken(error: unknown): void {
    this.host.broken(error)
  }
}
