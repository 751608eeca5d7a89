import type { Cause, OriginalDestination, SpiffeId } from '../../common/mod.ts'
import { CountedTunnel } from './counted-tunnel.ts'
import type { Stack } from './filter.ts'
import { GRPC, grpcTrailers, NO_GRPC_STATUS } from './grpc-status.ts'
import { isBytes, type RequestHead, type ResponseHead } from './head.ts'
import { Headers } from './headers.ts'
import type { TunnelEnd, TunnelNear } from './tunnel.ts'

/** Takes a body piece by piece. */
export interface BodySink {
  /** `false` asks for a pause; whoever gives the pieces then waits to be resumed. A piece is valid until the call returns: who keeps it copies it. */
  data(chunk: Buffer): boolean
  /** The body is whole. */
  end(trailers: Headers | undefined): void
  /** The body broke off; it must never look whole. */
  reset(): void
}

/** Where the body of a request comes from. Nothing is given before `attach`, and the caller is paused meanwhile. */
export interface RequestBody {
  attach(sink: BodySink): void
  resume(): void
  /** Nobody wants the rest. */
  discard(): void
}

/** Where an answer goes: the caller's side of a codec. */
export interface AnswerSink extends BodySink {
  /** An interim answer (1xx). */
  inform(head: ResponseHead): void
  head(head: ResponseHead): void
  /** A 101: from here on bytes pass between the caller and `far`. */
  switchProtocols(head: ResponseHead, far: TunnelEnd): TunnelNear
}

/** Who called, as far as it was proved. */
export type Caller =
  /**
   * `original`: where its connection was going, when the kernel has redirected it here. `service`: the authority that all its requests go to,
   * whatever they name: a gateway's.
   */
  | { readonly kind: 'application'; readonly original?: OriginalDestination; readonly service?: string }
  /** `name` is `namespace/service-account`, or `other` where the SPIFFE ID has another form. */
  | { readonly kind: 'peer'; readonly spiffeId: SpiffeId; readonly name: string }
  | { readonly kind: 'unauthenticated'; readonly why: 'plaintext' }

/** The authority by which a request is routed. */
export function authorityMeant({ caller, request }: Pick<Exchange, 'caller' | 'request'>): string {
  return caller.kind === 'application' && caller.service !== undefined ? caller.service : request.authority
}

/** Where the connection of a request was going, when the kernel has redirected it here. */
export function originalOf({ caller }: Pick<Exchange, 'caller'>): OriginalDestination | undefined {
  return caller.kind === 'application' ? caller.original : undefined
}

/** What the stacks end with: something that carries the exchange out, and can be told that the caller has gone. */
export interface Carrier {
  cancel(): void
  /** The caller reads again. */
  drained(): void
}

/** Facts that filters leave for those that log, measure and trace. Names are `namespace/name`. */
export interface ExchangeFacts {
  source: string
  destination: string
  route: string
  endpoint: string
  mtls: boolean
  attempts: number
  cause: Cause | undefined
  detail: string
  /** How a gRPC call ended; NO_GRPC_STATUS for all else. */
  grpcStatus: number
}

export type ExchangeProgress = 'waiting' | 'answering' | 'ended'

/**
 * One request and its answer, the same for every codec and both directions. Filters and carriers talk to it; it keeps the order
 * right: one final head, then the body, then one end, whatever happens.
 */
export class Exchange {
  readonly request: RequestHead
  readonly body: RequestBody
  readonly caller: Caller
  /** The application's port that is meant (inbound), or the listener's (outbound). */
  readonly port: number
  /** Monotonic, milliseconds. */
  readonly startMs: number
  readonly facts: ExchangeFacts = {
    source: '',
    destination: '',
    route: '',
    endpoint: '',
    mtls: false,
    attempts: 0,
    cause: undefined,
    detail: '',
    grpcStatus: NO_GRPC_STATUS,
  }
  progress: ExchangeProgress = 'waiting'
  /** Monotonic: when the caller gives up, as it has said itself. */
  deadlineMs: number | undefined = undefined
  /** 0 until the final head. */
  status = 0
  /** Monotonic; when bytes as they are could pass. 0 for all else, and before. */
  openedMs = 0
  requestBytes = 0
  answerBytes = 0
  carrier: Carrier | undefined = undefined
  /** How many filters of the stack have been entered. */
  position = 0
  stack: Stack | undefined = undefined
  /** The `traceparent` that goes on with the request; empty before the trace filter. */
  traceText = ''
  /** The span above ours, 16 hex digits; empty for a root. */
  traceParent = ''
  traceSampled = false
  /** The span of the attempt under way, when the exchange is sampled. */
  attemptSpan = ''
  /** The caller ended the exchange before its answer was whole. */
  callerLeft = false
  /**
   * Why it stands for nothing that was asked for: it has only opened the way for others, or was begun on a guess that turned out wrong.
   * Nobody counts it.
   */
  moot: 'handed-over' | 'withdrawn' | undefined = undefined
  /** Set by who holds something for a tunnel that outlasts what carried it. Called once. */
  whenOver: (() => void) | undefined = undefined
  /** Of bytes: whether requests of HTTP among them are broken off. They would go round all that looks at requests. */
  refusesHiddenRequests = false
  /** What the stack's own filters settle for each other; only they look into it. */
  plan: unknown = undefined
  private readonly sink: AnswerSink

  constructor(
    request: RequestHead,
    body: RequestBody,
    sink: AnswerSink,
    caller: Caller,
    port: number,
    startMs: number,
  ) {
    this.request = request
    this.body = body
    this.sink = sink
    this.caller = caller
    this.port = port
    this.startMs = startMs
  }

  inform(head: ResponseHead): void {
    if (this.progress === 'waiting') this.sink.inform(head)
  }

  /** The final head. Filters that were entered see it in reverse order. */
  respond(head: ResponseHead): void {
    if (this.progress !== 'waiting') return
    this.progress = 'answering'
    this.status = head.status
    this.stack?.unwind(this, head)
    this.sink.head(head)
  }

  /** A piece of the answer's body, valid until the call returns; `false` asks for a pause until the carrier is told `drained`. */
  data(chunk: Buffer): boolean {
    if (this.progress !== 'answering') return true
    this.answerBytes += chunk.length
    return this.sink.data(chunk)
  }

  end(trailers: Headers | undefined): void {
    if (this.progress !== 'answering') return
    this.sink.end(trailers)
    this.finish()
  }

  /** A whole small answer of our own. */
  reply(head: ResponseHead, body: Buffer): void {
    this.respond(head)
    if (body.length > 0 && this.request.method !== 'HEAD') this.data(body)
    this.end(undefined)
  }

  /**
   * The exchange failed for `cause`. Before the head, the stack's rescue turns it into an answer; after it, the answer is broken off, or a call of gRPC ended.
   * `detail` is for logs.
   */
  fail(cause: Cause, detail: string): void {
    if (this.progress === 'ended') return
    this.facts.cause = cause
    this.facts.detail = detail
    if (this.progress === 'answering') {
      if (this.request.grpc && this.request.httpVersion === 2) this.endCall(cause, detail)
      else this.sink.reset()
      this.finish()
    } else if (this.stack === undefined) {
      this.sink.reset()
      this.finish()
    } else this.stack.rescue(this, cause, detail)
  }

  /** The end of a call that has begun to be answered is told as gRPC tells it: of a reset, its clients make codes of their own. */
  private endCall(cause: Cause, detail: string): void {
    const late = cause === 'request-timeout' || cause === 'attempt-timeout'
    const code = late ? GRPC.deadlineExceeded : GRPC.unavailable
    this.facts.grpcStatus = code
    this.sink.end(grpcTrailers(code, `selvedge: ${cause}: ${detail}`, cause))
  }

  /**
   * The endpoint has switched protocols, as it was asked to: its connections have become a tunnel. With a request that switches, this exchange is
   * over; one that is nothing but bytes lasts as long as they do.
   */
  switchProtocols(head: ResponseHead, far: TunnelEnd): TunnelNear | undefined {
    if (this.progress !== 'waiting') return undefined
    this.progress = 'answering'
    this.status = head.status
    this.stack?.unwind(this, head)
    if (isBytes(this.request)) {
      const tunnel = new CountedTunnel(this, far)
      tunnel.between(this.sink.switchProtocols(head, tunnel))
      return tunnel
    }
    const near = this.sink.switchProtocols(head, far)
    this.finish()
    return near
  }

  /** The connection has become something else, a tunnel or a way for other requests: this exchange is over. */
  handedOver(): void {
    if (this.progress === 'ended') return
    this.status = 200
    this.moot = 'handed-over'
    this.finish()
  }

  /** It was begun on a guess, which turned out wrong: all that was done for it is undone. */
  withdraw(): void {
    this.moot = 'withdrawn'
    this.callerGone()
  }

  /** The tunnel that it had become is over. */
  tunnelOver(): void {
    if (this.progress !== 'ended') this.finish()
  }

  /** The caller's side is gone: nothing can be answered any more. */
  callerGone(): void {
    if (this.progress === 'ended') return
    this.callerLeft = true
    if (this.status === 0) this.status = CLIENT_CLOSED
    this.facts.detail = 'the caller went away'
    const { carrier } = this
    try {
      this.finish()
    } finally {
      // Whatever is thrown by who hears of it, nothing goes on for nobody.
      carrier?.cancel()
    }
  }

  /** Ends the caller's side where even `fail` has thrown. No filter is asked. */
  breakOff(): void {
    if (this.progress === 'ended') return
    this.progress = 'ended'
    this.release()
    this.sink.reset()
  }

  private finish(): void {
    this.progress = 'ended'
    this.release()
    this.stack?.ended(this)
  }

  private release(): void {
    const { whenOver } = this
    this.whenOver = undefined
    whenOver?.()
  }
}

/** nginx's number for "the client closed the connection before there was an answer"; only logs and metrics see it. */
const CLIENT_CLOSED = 499

/** Makes a head for an answer of our own, with `content-length`. */
export function ownHead(
  status: number,
  reason: string,
  fields: readonly (readonly [string, string])[],
  bodyBytes: number,
): ResponseHead {
  const headers = Headers.of(fields)
  headers.add('content-length', String(bodyBytes))
  return {
    status,
    reason,
    headers,
    body: bodyBytes === 0 ? { kind: 'none' } : { kind: 'length', length: bodyBytes },
    keepAlive: true,
    upgrade: undefined,
    hasMeshFields: false,
  }
}
