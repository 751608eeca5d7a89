import type { Exchange } from './exchange.ts'
import type { TunnelEnd, TunnelNear } from './tunnel.ts'

/** Stands between the two ends of a tunnel: counts what passes, and tells the exchange that became it when it is over. */
export class CountedTunnel implements TunnelEnd, TunnelNear {
  /** `undefined` while the near side is being told. */
  near: TunnelNear | undefined = undefined
  private readonly x: Exchange
  private readonly far: TunnelEnd

  constructor(x: Exchange, far: TunnelEnd) {
    this.x = x
    this.far = far
  }

  data(chunk: Buffer): boolean {
    this.x.requestBytes += chunk.length
    return this.far.data(chunk)
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
