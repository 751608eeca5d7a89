import type { TunnelEnd, TunnelNear } from './tunnel.ts'
import { closeFrame, WebSocketFrames } from './websocket-frames.ts'

/** What is known of a tunnel from outside. */
export interface TunnelFacts {
  /** `inbound`: to our application. */
  readonly direction: 'inbound' | 'outbound'
  /** Whether one of its two connections is mTLS, with a certificate that ends. */
  readonly mtls: boolean
  /** A WebSocket has a word for its end. */
  readonly webSocket: boolean
}

/** One tunnel, between its two sides, whichever codecs they are: bytes pass through it, and it can be ended from outside. */
class Tunnel implements TunnelEnd, TunnelNear {
  readonly facts: TunnelFacts
  private readonly far: TunnelEnd
  private readonly open: Set<Tunnel>
  private near: TunnelNear | undefined = undefined
  private readonly fromNear: WebSocketFrames | undefined
  private readonly fromFar: WebSocketFrames | undefined

  constructor(far: TunnelEnd, facts: TunnelFacts, open: Set<Tunnel>) {
    this.far = far
    this.facts = facts
    this.open = open
    this.fromNear = facts.webSocket ? new WebSocketFrames() : undefined
    this.fromFar = facts.webSocket ? new WebSocketFrames() : undefined
  }

  between(near: TunnelNear): void {
    this.near = near
    this.open.add(this)
  }

  /** Both sides see an orderly end, after what has been given to them so far; of a WebSocket that is between frames, with a Close that says why. */
  endBoth(): void {
    if (!this.open.delete(this)) return
    if (hasRoom(this.fromFar)) this.near?.tunnelWrite(closeFrame('server'))
    if (hasRoom(this.fromNear)) this.far.data(closeFrame('client'))
    this.near?.tunnelClose()
    this.far.end()
    this.far.closed()
  }

  // ---- from the near side

  data(chunk: Buffer): boolean {
    this.fromNear?.pass(chunk)
    return this.far.data(chunk)
  }

  end(): void {
    this.far.end()
  }

  drained(): void {
    this.far.drained()
  }

  closed(): void {
    this.open.delete(this)
    this.far.closed()
  }

  // ---- from the far side

  tunnelWrite(chunk: Buffer): boolean {
    this.fromFar?.pass(chunk)
    return this.near?.tunnelWrite(chunk) ?? true
  }

  tunnelEnd(): void {
    this.near?.tunnelEnd()
  }

  tunnelClose(): void {
    this.open.delete(this)
    this.near?.tunnelClose()
  }

  breakOff(): void {
    this.open.delete(this)
    this.near?.breakOff()
  }

  resume(): void {
    this.near?.resume()
  }
}

function hasRoom(frames: WebSocketFrames | undefined): boolean {
  return frames?.between === true && !frames.closed
}

/** The tunnels of one data path. A connection or a stream that has become one belongs to no exchange, and no stack looks after it any more. */
export class OpenTunnels {
  private readonly open = new Set<Tunnel>()
  private readonly broken: (error: unknown) => void

  constructor(broken: (error: unknown) => void) {
    this.broken = broken
  }

  /**
   * Puts a tunnel between `far` and what `begin` gives for the near side; `begin` is handed what is to stand for the far side. Gives what is to
   * stand for the near side, or `undefined` where there is none.
   */
  begin(far: TunnelEnd, facts: TunnelFacts, begin: (far: TunnelEnd) => TunnelNear | undefined): TunnelNear | undefined {
    const tunnel = new Tunnel(far, facts, this.open)
    const near = begin(tunnel)
    if (near === undefined) return undefined
    tunnel.between(near)
    return tunnel
  }

  count(direction: TunnelFacts['direction']): number {
    let count = 0
    for (const { facts } of this.open) if (facts.direction === direction) count++
    return count
  }

  /** Those that are open now, each as what ends it. Ending one that has ended does nothing. */
  which(wanted: (facts: TunnelFacts) => boolean): readonly (() => void)[] {
    return [...this.open].filter(({ facts }) => wanted(facts)).map(tunnel => () => this.guarded(tunnel))
  }

  endAll(): void {
    for (const tunnel of [...this.open]) this.guarded(tunnel)
  }

  private guarded(tunnel: Tunnel): void {
    try {
      tunnel.endBoth()
    } catch (error) {
      this.broken(error)
    }
  }
}
