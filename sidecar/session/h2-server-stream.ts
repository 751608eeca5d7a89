import { CODE, DECLINED_FIELD } from '../codec/h2/mod.ts'
import {
  type AnswerSink,
  type BodySink,
  type Exchange,
  Headers,
  KeptBytes,
  NO_BODY,
  type RequestBody,
  type ResponseHead,
  type TunnelEnd,
  type TunnelNear,
} from '../http/mod.ts'
import type { H2ServerSession } from './h2-server.ts'
import { H2Stream } from './h2-stream.ts'

/** What a 2xx that declines a switch becomes for callers that know no better: a server that can't do what was asked of it. */
const DECLINED_STATUS = 501

/** One request and its answer on a caller's connection: the exchange's answer sink and request body, and after a CONNECT its tunnel. */
export class H2ServerStream extends H2Stream implements AnswerSink, RequestBody, TunnelNear {
  private readonly session: H2ServerSession
  private x: Exchange | undefined = undefined
  private bodySink: BodySink | undefined = undefined
  private far: TunnelEnd | undefined = undefined
  /** What came before anyone wanted it; its window bounds it. */
  private early: KeptBytes | undefined = undefined
  private lateTrailers: Headers | undefined = undefined
  private discarding = false
  private closing = false
  isTunnel = false

  constructor(session: H2ServerSession, id: number, remoteEnded: boolean) {
    super(session)
    this.session = session
    this.id = id
    this.remoteEnded = remoteEnded
  }

  begin(x: Exchange): void {
    this.x = x
  }

  // ---- RequestBody

  attach(sink: BodySink): void {
    const { early, x } = this
    this.bodySink = sink
    this.early = undefined
    if (x?.request.expectContinue === true && !this.remoteEnded && early === undefined)
      this.session.sendHead(this, CONTINUE)
    let open = true
    if (early !== undefined) for (const chunk of early.chunks) open = sink.data(chunk) && open
    if (this.remoteEnded) sink.end(this.lateTrailers)
    else if (open) this.resumeReceiving()
  }

  /** Also the tunnel's: the far side takes more. */
  resume(): void {
    this.resumeReceiving()
  }

  discard(): void {
    this.discarding = true
    this.early = undefined
    this.resumeReceiving()
  }

  // ---- AnswerSink

  inform(head: ResponseHead): void {
    if (!this.over) this.session.sendHead(this, head)
  }

  head(head: ResponseHead): void {
    if (this.over) return
    if (this.x?.request.upgrade !== undefined && head.status < 300) this.decline(head)
    this.session.sendHead(this, head)
  }

  /** The application has answered a request to switch with something else. As a 2xx that would begin a tunnel (RFC 8441, 5). */
  private decline(head: ResponseHead): void {
    if (this.session.caller.kind === 'peer') head.headers.add(DECLINED_FIELD, 'upgrade')
    else head.status = DECLINED_STATUS
  }

  data(chunk: Buffer): boolean {
    return chunk.length === 0 || this.sendData(chunk)
  }

  end(trailers: Headers | undefined): void {
    this.x = undefined
    this.sendEnd(trailers)
  }

  /** Nobody may take it for a whole answer. */
  reset(): void {
    this.x = undefined
    this.session.abandonStream(this, CODE.internal)
  }

  switchProtocols(head: ResponseHead, far: TunnelEnd): TunnelNear {
    this.session.sendHead(this, head)
    this.x = undefined
    this.far = far
    this.isTunnel = true
    this.session.tunnelBegan()
    // What the caller sent ahead is for the far end now.
    const { early } = this
    this.early = undefined
    let open = true
    if (early !== undefined) for (const chunk of early.chunks) open = far.data(chunk) && open
    if (this.remoteEnded) far.end()
    else if (open) this.resumeReceiving()
    return this
  }

  // ---- TunnelNear

  tunnelWrite(chunk: Buffer): boolean {
    return this.sendData(chunk)
  }

  tunnelEnd(): void {
    this.sendEnd(undefined)
  }

  tunnelClose(): void {
    this.closing = true
    this.sendEnd(undefined)
  }

  breakOff(): void {
    this.session.abandonStream(this, CODE.connect)
  }

  // ---- H2Stream

  onLaterHead(endStream: boolean): void {
    const trailers = endStream ? this.session.takeTrailers() : undefined
    if (trailers === undefined) this.session.malformed(this, 'malformed trailers')
    else this.receiveEnd(trailers)
  }

  protected onData(chunk: Buffer): boolean {
    const { x, far } = this
    if (far !== undefined) return far.data(chunk)
    if (this.discarding || x === undefined) return true
    x.requestBytes += chunk.length
    if (this.bodySink !== undefined) return this.bodySink.data(chunk)
    this.early ??= new KeptBytes()
    this.early.add(chunk)
    return false
  }

  protected onEnd(trailers: Headers | undefined): void {
    if (this.far !== undefined) this.far.end()
    else if (this.bodySink !== undefined && !this.discarding) this.bodySink.end(trailers)
    else this.lateTrailers = trailers
  }

  onReset(): void {
    const { x, far, bodySink } = this
    this.far = undefined
    this.bodySink = undefined
    this.early = undefined
    if (far !== undefined) {
      far.closed()
      return
    }
    this.x = undefined
    // A body that broke off never looks whole.
    if (!this.remoteEnded && !this.discarding) bodySink?.reset()
    x?.callerGone()
  }

  protected onRoom(): void {
    if (this.far !== undefined) this.far.drained()
    else this.x?.carrier?.drained()
  }

  /** Both halves have ended, or it broke off: the far side need not wait for more. */
  tunnelOver(): void {
    const { far } = this
    this.far = undefined
    far?.closed()
  }

  /** Answered before the request was whole: the rest is not wanted (RFC 9113, 8.1). Of a tunnel, the caller's half goes on. */
  protected onLocalEnd(): void {
    if (!this.isTunnel) this.session.abandonStream(this, CODE.none)
    else if (this.closing) {
      this.far = undefined
      this.session.abandonStream(this, CODE.none)
    }
  }
}

const CONTINUE: ResponseHead = {
  status: 100,
  reason: 'Continue',
  headers: Headers.empty(),
  body: NO_BODY,
  keepAlive: true,
  upgrade: undefined,
  hasMeshFields: false,
}
