import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { CODE, codeName, DECLINED_FIELD } from '../codec/h2/mod.ts'
import type { Headers, RequestHead, ResponseHead, TunnelEnd, TunnelNear } from '../http/mod.ts'
import type { ClientCarriage, ClientEvents } from './client.ts'
import type { H2ClientSession } from './h2-client.ts'
import { H2Stream } from './h2-stream.ts'

/** Interim answers to one request; a server that sends more is not one that we understand. */
const INTERIM_ANSWERS_MAX = 8
/** RFC 6455, 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** One request and its answer on an HTTP/2 connection. */
export class H2ClientStream extends H2Stream implements ClientCarriage, TunnelEnd {
  private readonly session: H2ClientSession
  private events: ClientEvents | undefined = undefined
  private method = ''
  /** What a tunnel was asked to speak. */
  private upgrade: string | undefined = undefined
  private websocketKey: string | undefined = undefined
  private wantsTunnel = false
  private sent = false
  private headDone = false
  private bytesSeen = false
  private informs = 0
  private near: TunnelNear | undefined = undefined
  private nearEnded = false
  /** The near side is gone, behind what it sent. */
  private forsaken = false

  constructor(session: H2ClientSession) {
    super(session)
    this.session = session
  }

  // ---- ClientCarriage

  get socket(): Socket {
    return this.session.socket
  }

  get reused(): boolean {
    return this.session.answered > 0
  }

  get usable(): boolean {
    return !this.sent && this.session.usable
  }

  send(head: RequestHead, events: ClientEvents): void {
    this.sent = true
    this.events = events
    this.method = head.method
    this.upgrade = head.upgrade
    if (!this.session.usable) {
      queueMicrotask(() => this.failSoon('refused', 'the connection is going away'))
      return
    }
    if (head.upgrade === undefined) {
      this.wantsTunnel = head.method === 'CONNECT'
      this.session.sendHead(this, head, head.body.kind === 'none' && !this.wantsTunnel)
      return
    }
    this.wantsTunnel = true
    this.websocketKey = head.headers.get('sec-websocket-key')
    this.session.whenDecided({
      known: () => {
        if (this.events === undefined) return
        if (!this.session.usable) queueMicrotask(() => this.failSoon('refused', 'the connection is going away'))
        else if (this.session.peer.connectProtocol) this.session.sendHead(this, head, false)
        else queueMicrotask(() => this.failSoon('protocol-error', 'the endpoint knows no tunnels in HTTP/2 (RFC 8441)'))
      },
      lost: detail => this.failSoon('refused', detail),
    })
  }

  private failSoon(kind: 'refused' | 'protocol-error', detail: string): void {
    const { events } = this
    this.events = undefined
    events?.onFailure(kind, detail, false)
  }

  write(chunk: Buffer): boolean {
    return chunk.length === 0 || this.sendData(chunk)
  }

  finish(trailers: Headers | undefined): void {
    // Of a request without a body the head was the end.
    if (!this.wantsTunnel) this.sendEnd(trailers)
  }

  resume(): void {
    this.resumeReceiving()
  }

  discardAnswer(): void {
    this.abandon()
  }

  abandon(): void {
    this.events = undefined
    if (this.id !== 0) this.session.abandonStream(this, CODE.cancel)
  }

  giveBack(): void {
    this.abandon()
  }

  // ---- H2Stream

  /** Every header block of an answer: interim heads, the head, trailers. */
  onLaterHead(endStream: boolean): void {
    this.bytesSeen = true
    this.lastActiveMs = this.session.nowMs()
    if (this.headDone) {
      const trailers = endStream ? this.session.takeTrailers() : undefined
      if (trailers === undefined) this.session.malformed(this, 'malformed trailers')
      else this.receiveEnd(trailers)
      return
    }
    const read = this.session.readHead(endStream, this.method)
    if (!read.ok) {
      this.session.malformed(this, read.error)
      return
    }
    const head = read.value
    if (head.status < 200) {
      this.interim(head)
      return
    }
    this.headDone = true
    if (this.wantsTunnel && head.status < 300 && !declined(head)) {
      this.begun(head, endStream)
      return
    }
    if (head.body.kind === 'length') this.expectLength(head.body.length)
    else if (head.body.kind === 'none' && !endStream) this.expectLength(0)
    this.events?.onHead(head)
    if (endStream && !this.over) this.receiveEnd(undefined)
  }

  private interim(head: ResponseHead): void {
    if (++this.informs > INTERIM_ANSWERS_MAX) this.session.malformed(this, 'too many interim answers')
    // 100 answers an Expect of ours, and we have none.
    else if (head.status !== 100) this.events?.onInform(head)
  }

  /** The tunnel stands (RFC 9113, 8.5; RFC 8441, 5). */
  private begun(head: ResponseHead, endStream: boolean): void {
    const { events } = this
    this.events = undefined
    this.near = events?.onSwitch(this.switchHead(head), this)
    this.session.answered++
    if (this.near === undefined) this.session.abandonStream(this, CODE.cancel)
    else if (endStream) this.receiveEnd(undefined)
  }

  /** What HTTP/1.1 says where HTTP/2 says 200. */
  private switchHead(head: ResponseHead): ResponseHead {
    const { upgrade, websocketKey } = this
    if (upgrade === undefined) return head
    const { headers } = head
    headers.remove('content-length')
    if (websocketKey !== undefined && upgrade.toLowerCase() === 'websocket' && !headers.has('sec-websocket-accept')) {
      headers.add(
        'sec-websocket-accept',
        createHash('sha1')
          .update(websocketKey + WEBSOCKET_GUID)
          .digest('base64'),
      )
    }
    return { ...head, status: 101, reason: 'Switching Protocols', upgrade }
  }

  protected onData(chunk: Buffer): boolean {
    this.bytesSeen = true
    if (this.near !== undefined) return this.near.tunnelWrite(chunk)
    if (!this.headDone) {
      this.session.malformed(this, 'DATA before the head')
      return true
    }
    return this.events === undefined || this.events.onData(chunk)
  }

  protected onEnd(trailers: Headers | undefined): void {
    if (this.near !== undefined) {
      if (this.upgrade === undefined) this.near.tunnelEnd()
      else this.near.tunnelClose()
      return
    }
    if (!this.headDone) {
      this.remoteEnded = false
      this.session.malformed(this, 'an end before the head')
      return
    }
    const { events } = this
    this.events = undefined
    this.session.answered++
    // Answered before it had all of the body: the rest is not wanted.
    if (!this.localEnded) this.session.abandonStream(this, CODE.cancel)
    events?.onEnd(trailers)
  }

  onReset(code: number, detail: string): void {
    const { near, events } = this
    this.near = undefined
    this.events = undefined
    if (near !== undefined) {
      near.breakOff()
      return
    }
    const kind =
      code === CODE.refusedStream && !this.bytesSeen
        ? 'refused'
        : code === CODE.protocol || code === CODE.compression || code === CODE.frameSize || code === CODE.flowControl
          ? 'protocol-error'
          : 'reset'
    events?.onFailure(kind, `${detail} (${codeName(code)})`, this.bytesSeen)
  }

  protected onRoom(): void {
    if (this.near !== undefined) this.near.resume()
    else this.events?.onDrain()
  }

  protected onLocalEnd(): void {
    // The answer is still to come, unless nobody is there to hear it.
    if (this.forsaken) this.session.abandonStream(this, CODE.cancel)
  }

  // ---- TunnelEnd: the near side's bytes

  data(chunk: Buffer): boolean {
    return this.sendData(chunk)
  }

  end(): void {
    this.nearEnded = true
    this.sendEnd(undefined)
  }

  closed(): void {
    this.near = undefined
    this.forsaken = true
    // What the near side sent before it ended may still be on its way: it goes first. What the far side still has to say, nobody hears.
    if (!this.nearEnded || this.localEnded) this.session.abandonStream(this, CODE.cancel)
  }

  drained(): void {
    this.resumeReceiving()
  }
}

/** Whether a far sidecar says that its application has answered a request to switch with something else. */
function declined({ hasMeshFields, headers }: ResponseHead): boolean {
  if (!hasMeshFields || !headers.has(DECLINED_FIELD)) return false
  headers.remove(DECLINED_FIELD)
  return true
}
