import type { Exchange } from './exchange.ts'
import { RequestLineWatch } from './request-line.ts'
import type { TunnelEnd, TunnelNear } from './tunnel.ts'

/** Stands between the two ends of a tunnel: counts what passes, and tells the exchange that became it when it is over. */
export class CountedTunnel implements TunnelEnd, TunnelNear {
  /** `undefined` while the near side is being told. */
  near: TunnelNear | undefined = undefined
  private readonly x: Exchange
  private readonly far: TunnelEnd
  private readonly watch: RequestLineWatch | undefined
  private refused = false

  constructor(x: Exchange, far: TunnelEnd) {
    this.x = x
    this.far = far
    this.watch = x.refusesHiddenRequests ? new RequestLineWatch() : undefined
  }

  data(chunk: Buffer): boolean {
    if (this.refused) return true
    this.x.requestBytes += chunk.length
    if (this.watch?.seesRequest(chunk) === true) {
      this.refuse()
      return true
    }
    return this.far.data(chunk)
  }

  /** Takes the near side, once it has become one end of the tunnel. */
  between(near: TunnelNear): void {
    this.near = near
    if (this.refused) near.breakOff()
  }

  /** A request in disguise: who looks at requests would never see it. */
  private refuse(): void {
    const { x, near, far } = this
    this.refused = true
    x.facts.cause = 'unsupported-protocol'
    x.facts.detail = 'bytes that are a request of HTTP'
    far.closed()
    near?.breakOff()
    x.tunnelOver()
  }

  end(): void {
    this.far.end()
  }

  closed(): void {
    this.far.closed()
    this.x.tunnelOver()
  }

  drained(): void {
    this.far.drained()
  }

  tunnelWrite(chunk: Buffer): boolean {
    this.x.answerBytes += chunk.length
    return this.near?.tunnelWrite(chunk) ?? true
  }

  tunnelEnd(): void {
    this.near?.tunnelEnd()
  }

  tunnelClose(): void {
    this.near?.tunnelClose()
    this.x.tunnelOver()
  }

  breakOff(): void {
    if (this.x.progress !== 'ended') this.x.facts.detail = 'the far side broke off'
    this.near?.breakOff()
    this.x.tunnelOver()
  }

  resume(): void {
    this.near?.resume()
  }
}
