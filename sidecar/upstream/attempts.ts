import { type AttemptClass, type Cause, classifyStatus } from '../../common/mod.ts'
import {
  loadCancelled,
  loadEnded,
  loadFailed,
  loadStarted,
  pickEndpoint,
  untriedFirst,
} from '../../decide/balance/mod.ts'
import {
  admitConnection,
  admitPending,
  admitRequest,
  releasePending,
  releaseRequest,
} from '../../decide/breaker/mod.ts'
import { recordOutcome } from '../../decide/outlier/mod.ts'
import { decideRetry, type RetryStop } from '../../decide/retry/mod.ts'
import { attemptDeadline } from '../../decide/timeout/mod.ts'
import {
  type Carrier,
  type Exchange,
  endBroken,
  grpcPushbackMs,
  type Headers,
  isBytes,
  type ResponseHead,
  type TunnelEnd,
  type TunnelNear,
  tellNames,
  untellNames,
} from '../http/mod.ts'
import type { CarriageKind, ClientCarriage, ClientEvents, ClientFailure } from '../session/mod.ts'
import { Timer } from '../transport/mod.ts'
import { CAUSE_OF, classOfAnswer, farCause, retryAfterMs, retryWorthwhile } from './classify.ts'
import { Connecting, type ConnectionTaker } from './connecting.ts'
import { carriageTo } from './declared.ts'
import type { ConnectionWaiter } from './destination.ts'
import type { EndpointState } from './endpoint.ts'
import type { UpstreamEnvironment } from './environment.ts'
import { GrpcCall } from './grpc-call.ts'
import { OutgoingBody } from './outgoing-body.ts'
import type { CarryPlan } from './plan.ts'

/** What the exchange does right now. */
type Doing =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'queueing'; readonly leave: () => void }
  | { readonly kind: 'connecting'; readonly endpoint: EndpointState; readonly connecting: Connecting }
  | { readonly kind: 'requesting'; readonly endpoint: EndpointState; readonly session: ClientCarriage }
  | { readonly kind: 'pausing' }

const NOTHING: Doing = { kind: 'nothing' }
const PAUSING: Doing = { kind: 'pausing' }
const NONE_TRIED: readonly EndpointState[] = []
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/**
 * Carries one exchange to an endpoint, by as many attempts as the decision rooms allow. One state machine, in one piece and one object for
 * each exchange: whoever has to know of the next step (connection, queue, timer, caller) is told here.
 */
export class Attempts implements Carrier, ClientEvents, ConnectionWaiter, ConnectionTaker {
  readonly port: number
  private readonly x: Exchange
  private readonly plan: CarryPlan
  private readonly environment: UpstreamEnvironment
  private doing: Doing = NOTHING
  private retries = 0
  private attemptStartMs = 0
  /** When its request was sent: what came before says nothing of how fast the endpoint answers. */
  private sentMs = 0
  private headMs = 0
  private answered: AttemptClass = 'success'
  private tried: readonly EndpointState[] = NONE_TRIED
  /** The last attempt got no answer: its endpoint may be dead. */
  private lost = false
  /** The endpoint whose kept connection turned out to be closed; tried once more with a new one. */
  private raced = false
  private deadline: Timer | undefined = undefined
  private attemptEnd: Timer | undefined = undefined
  private pause: Timer | undefined = undefined
  private settled = false
  /** Monotonic; the end of the whole exchange. */
  private readonly deadlineMs: number | undefined
  /** `undefined` for what isn't gRPC. */
  private readonly grpc: GrpcCall | undefined
  /** `undefined` for a request without a body. */
  private readonly body: OutgoingBody | undefined

  constructor(x: Exchange, plan: CarryPlan, environment: UpstreamEnvironment) {
    this.x = x
    this.plan = plan
    this.port = plan.port
    this.environment = environment
    this.deadlineMs = earlier(plan.deadlineMs, x.deadlineMs)
    this.grpc = x.request.grpc ? new GrpcCall(x) : undefined
    this.body =
      x.request.body.kind === 'none' ? undefined : new OutgoingBody(x.body, x.request.body, () => this.cancel())
  }

  begin(): void {
    const { deadlineMs } = this
    const { destination } = this.plan
    const now = this.environment.turn.nowMs()
    this.x.carrier = this
    if (!admitRequest(destination.breaker, destination.settings.breaker)) {
      this.x.carrier = undefined
      this.x.fail(
        'circuit-open',
        `as many requests are under way as the breaker allows (${destination.settings.breaker.requestsMax})`,
      )
      return
    }
    destination.budget.requestSeen(now)
    const { request } = this.x
    // It goes on as HTTP/1.1, which needs a Host.
    if (request.minorVersion === 0 && !request.headers.has('host')) request.headers.add('host', request.authority)
    if (deadlineMs !== undefined) {
      this.deadline = new Timer(() => this.guarded(() => this.timedOut('request-timeout')))
      this.environment.wheel.set(this.deadline, deadlineMs - now)
    }
    this.attempt(now)
  }

  // ---- an attempt

  private attempt(now: number): void {
    const endpoint = this.pick(now)
    if (endpoint === undefined) return
    this.attemptStartMs = now
    this.x.facts.attempts++
    this.x.facts.endpoint = endpoint.name
    this.x.facts.mtls = endpoint.mtls
    const limitMs = this.plan.attemptTimeoutMs
    if (limitMs !== undefined && limitMs > 0) this.limitAttempt(limitMs)
    const session = endpoint.pool.take(this.kindFor(endpoint))
    if (session !== undefined) this.request(endpoint, session)
    else this.connect(endpoint)
  }

  /** One of the endpoints as they are now. Without one the exchange is over. */
  private pick(now: number): EndpointState | undefined {
    const { destination } = this.plan
    const candidates = destination.candidates(this.port)
    const usable = untriedFirst(candidates, destination.usable(this.port, now), this.tried, this.lost)
    const endpoint = pickEndpoint(candidates, usable, now, this.environment.random)
    if (endpoint !== undefined) return endpoint
    const why = candidates.length === 0 ? 'the service has no endpoint' : 'all endpoints are ejected'
    this.finish('no-healthy-endpoint', why)
    return undefined
  }

  private kindFor(endpoint: EndpointState): CarriageKind {
    return endpoint.mtls ? 'mesh' : carriageTo(this.plan.destination.versionAt(this.port), this.x.request)
  }

  private connect(endpoint: EndpointState): void {
    const { destination } = this.plan
    const kind = this.kindFor(endpoint)
    for (const connecting of endpoint.connecting) {
      if (!connecting.join(kind, this)) continue
      loadStarted(endpoint.load)
      this.doing = { kind: 'connecting', endpoint, connecting }
      return
    }
    if (!admitConnection(destination.breaker, destination.settings.breaker)) {
      this.queue()
      return
    }
    const target = endpoint.target(this.environment.svid(), kind)
    if (target === undefined) {
      destination.connectionEnded()
      this.finish('connect-failed', 'this sidecar has no identity yet')
      return
    }
    loadStarted(endpoint.load)
    const connecting = new Connecting(kind, endpoint, destination, this.environment, this)
    this.doing = { kind: 'connecting', endpoint, connecting }
    connecting.begin(target)
  }

  connected(session: ClientCarriage, endpoint: EndpointState): boolean {
    // After one kept connection turned out to be closed, only a new one will do.
    if (this.doing.kind !== 'connecting' || (this.raced && session.reused)) return false
    loadCancelled(endpoint.load, this.environment.turn.nowMs(), 0)
    this.guarded(() => {
      if (endpoint.mtls || !this.environment.isOurselves(session.socket)) this.request(endpoint, session)
      else {
        this.doing = NOTHING
        session.abandon()
        this.finish('bad-request', `${endpoint.name} is this sidecar itself`)
      }
    })
    return true
  }

  connectAgain(endpoint: EndpointState): void {
    if (this.doing.kind !== 'connecting') return
    this.doing = NOTHING
    loadCancelled(endpoint.load, this.environment.turn.nowMs(), 0)
    this.guarded(() => this.connect(endpoint))
  }

  connectFailed(endpoint: EndpointState, detail: string): void {
    this.guarded(() => this.attemptFailed(endpoint, 'connect-failed', `${endpoint.name}: ${detail}`))
  }

  connectNotTried(endpoint: EndpointState, detail: string): void {
    this.guarded(() => this.attemptFailed(endpoint, 'connect-failed', `${endpoint.name}: ${detail}`, 'cancelled'))
  }

  /** No connection may be opened: the first that becomes free will do. */
  private queue(): void {
    const { destination } = this.plan
    for (const other of destination.candidates(this.port)) {
      const session = other.pool.take(this.kindFor(other))
      if (session !== undefined) {
        this.request(other, session)
        return
      }
    }
    if (!admitPending(destination.breaker, destination.settings.breaker)) {
      this.finish(
        'circuit-open',
        `${destination.settings.breaker.connectionsMax} connections are in use and the queue is full`,
      )
      return
    }
    const leave = destination.wait(this)
    this.doing = { kind: 'queueing', leave }
  }

  offered(session: ClientCarriage, endpoint: EndpointState): boolean {
    if (this.doing.kind !== 'queueing' || this.kindFor(endpoint) === 'bytes') return false
    this.doing = NOTHING
    releasePending(this.plan.destination.breaker)
    this.guarded(() => this.request(endpoint, session))
    return true
  }

  roomToConnect(): boolean {
    if (this.doing.kind !== 'queueing') return false
    this.doing = NOTHING
    releasePending(this.plan.destination.breaker)
    this.guarded(() => {
      // Endpoints may have come and gone while it waited.
      const endpoint = this.pick(this.environment.turn.nowMs())
      if (endpoint === undefined) return
      this.x.facts.endpoint = endpoint.name
      this.x.facts.mtls = endpoint.mtls
      this.connect(endpoint)
    })
    return this.x.progress === 'waiting'
  }

  private request(endpoint: EndpointState, session: ClientCarriage): void {
    loadStarted(endpoint.load)
    this.doing = { kind: 'requesting', endpoint, session }
    // From the queue it may be another than was picked.
    this.x.facts.endpoint = endpoint.name
    this.x.facts.mtls = endpoint.mtls
    this.sentMs = this.environment.turn.nowMs()
    this.headMs = 0
    if (this.plan.destination.settings.keepsNameCase) (endpoint.mtls ? tellNames : untellNames)(this.x.request.headers)
    this.grpc?.beforeAttempt(this.retries, this.deadlineMs, this.environment.turn.nowMs())
    this.environment.attempting(this.x)
    session.send(this.x.request, this)
    this.body?.sendTo(session)
  }

  private limitAttempt(limitMs: number): void {
    const end = attemptDeadline(this.attemptStartMs, limitMs, this.deadlineMs)
    // The end of the whole request has a timer and a cause of its own.
    if (end === undefined || end === this.deadlineMs) return
    this.attemptEnd ??= new Timer(() => this.guarded(() => this.timedOut('attempt-timeout')))
    this.environment.wheel.set(this.attemptEnd, end - this.environment.turn.nowMs())
  }

  onDrain(): void {
    this.body?.drained()
  }

  // ---- the answer

  onInform(head: ResponseHead): void {
    // The mesh makes no interim answers: what one says in its name is somebody else's.
    if (head.hasMeshFields) head.headers.removePrefix('x-selvedge-')
    this.x.inform(head)
  }

  onHead(head: ResponseHead): void {
    const { doing } = this
    if (doing.kind !== 'requesting') return
    // As `guarded`, without a closure for each answer.
    try {
      this.answeredBy(doing, head)
    } catch (error) {
      this.collapse(error)
    }
  }

  private answeredBy(doing: Extract<Doing, { kind: 'requesting' }>, head: ResponseHead): void {
    const now = this.environment.turn.nowMs()
    this.headMs = now
    const cause = farCause(head, doing.endpoint.mtls)
    const { grpc } = this
    const status = grpc === undefined ? head.status : grpc.statusOf(head)
    const outcome = classOfAnswer(status, cause, this.plan.retry)
    this.answered = outcome
    if (status >= 400 && retryWorthwhile(outcome, status, this.plan.retry)) {
      const waitMs = grpc === undefined ? retryAfterMs(head.headers) : grpcPushbackMs(head.headers)
      const stopped = this.retryAfter(outcome, status, waitMs, now)
      if (stopped === undefined) {
        this.concludeAttempt(doing.endpoint, outcome, head.status, now)
        doing.session.discardAnswer()
        return
      }
      if (stopped === 'budget') this.x.facts.cause = 'retry-budget-exhausted'
    }
    if (cause !== undefined) this.x.facts.cause = cause
    this.x.respond(head)
  }

  onSwitch(head: ResponseHead, far: TunnelEnd): TunnelNear | undefined {
    const { doing, x } = this
    if (doing.kind !== 'requesting') return undefined
    this.doing = NOTHING
    this.concludeAttempt(doing.endpoint, 'success', head.status, this.environment.turn.nowMs())
    if (isBytes(x.request)) this.settleWhenOver()
    else this.settle()
    const direction = x.caller.kind === 'application' ? 'outbound' : 'inbound'
    const mtls = doing.endpoint.mtls || x.caller.kind === 'peer'
    const webSocket = x.request.upgrade?.toLowerCase() === 'websocket'
    return this.environment.tunnels.begin(far, { direction, mtls, webSocket }, end => x.switchProtocols(head, end))
  }

  onData(chunk: Buffer): boolean {
    return this.x.data(chunk)
  }

  onEnd(trailers: Headers | undefined): void {
    const { doing } = this
    if (doing.kind !== 'requesting') return
    this.doing = NOTHING
    // The connection is somebody else's already: nobody else would end this exchange.
    try {
      const { endpoint } = doing
      // Only an authenticated sidecar has removed what its application says in our name.
      if (trailers !== undefined && !endpoint.mtls) trailers.removePrefix('x-selvedge-')
      const last = this.grpc === undefined ? trailers : this.grpcEnd(this.grpc, endpoint, trailers)
      this.concludeAttempt(endpoint, this.answered, this.x.status, this.environment.turn.nowMs())
      this.settle()
      this.x.end(last)
    } catch (error) {
      this.collapse(error)
    }
  }

  /** Of a call the trailers say what it came to; where they don't, we do. */
  private grpcEnd(grpc: GrpcCall, endpoint: EndpointState, trailers: Headers | undefined): Headers | undefined {
    const ended = grpc.endedWith(trailers)
    if (ended.kind === 'missing') {
      this.answered = 'protocol-error'
      this.x.facts.cause = 'upstream-protocol-error'
      this.environment.malformed(this.x, endpoint.name, `${endpoint.name}: ${ended.detail}`)
    } else if (ended.status !== undefined && this.answered === 'success') this.answered = classifyStatus(ended.status)
    return ended.trailers
  }

  onFailure(kind: ClientFailure, detail: string, bytesSeen: boolean): void {
    const { doing } = this
    if (doing.kind !== 'requesting') return
    this.guarded(() => this.failedBy(doing, kind, detail, bytesSeen))
  }

  private failedBy(
    { endpoint, session }: Extract<Doing, { kind: 'requesting' }>,
    kind: ClientFailure,
    detail: string,
    bytesSeen: boolean,
  ): void {
    const race = kind === 'reset' && !bytesSeen && session.reused && this.repeatable()
    const refused = kind === 'refused' && this.body?.replayable !== false
    if ((race || refused) && !this.raced) {
      // The endpoint closed a kept connection just as we used it again, or said that this request is not for it. That is no failure of its own.
      this.raced = true
      this.body?.detach()
      loadCancelled(endpoint.load, this.environment.turn.nowMs(), 0)
      const other = refused ? endpoint.pool.take(this.kindFor(endpoint)) : undefined
      if (other === undefined) this.connect(endpoint)
      else this.request(endpoint, other)
      return
    }
    this.attemptFailed(endpoint, kind === 'refused' ? 'connect-failed' : kind, `${endpoint.name}: ${detail}`)
  }

  /** Repeating it does no harm, and can be done. */
  private repeatable(): boolean {
    const { method, headers } = this.x.request
    return (IDEMPOTENT.has(method) || headers.has('idempotency-key')) && this.body?.replayable !== false
  }

  // ---- how it ends

  /** Begins a retry, or says why there is none. */
  private retryAfter(
    outcome: AttemptClass,
    status: number,
    retryAfter: number | undefined,
    now: number,
  ): RetryStop | undefined {
    const { plan, x } = this
    const decision = decideRetry(
      {
        class: outcome,
        status,
        method: x.request.method,
        idempotencyKey: x.request.headers.has('idempotency-key'),
        rule: plan.retry,
        defaultAttempts: plan.defaultRetries,
        retriesSoFar: this.retries,
        requestBytesSent: this.body?.sent ?? false,
        bodyReplayable: this.body?.replayable ?? true,
        answerStarted: x.progress !== 'waiting',
        retryAfterMs: retryAfter,
        deadlineMs: this.deadlineMs,
        nowMs: now,
      },
      plan.destination.budget,
      this.environment.random,
    )
    if (decision.kind === 'stop') return decision.why
    this.retries++
    this.lost = outcome === 'connect-failed' || outcome === 'reset'
    if (this.doing.kind === 'requesting' || this.doing.kind === 'connecting') {
      this.tried = [...this.tried, this.doing.endpoint]
    }
    this.doing = PAUSING
    if (this.attemptEnd !== undefined) this.environment.wheel.clear(this.attemptEnd)
    this.pause ??= new Timer(() => this.guarded(() => this.afterPause()))
    this.environment.wheel.set(this.pause, decision.delayMs)
    return undefined
  }

  private afterPause(): void {
    if (this.doing.kind !== 'pausing') return
    this.doing = NOTHING
    this.attempt(this.environment.turn.nowMs())
  }

  /** `learnt` is what is held against the endpoint. */
  private attemptFailed(
    endpoint: EndpointState,
    outcome: AttemptClass,
    detail: string,
    learnt: AttemptClass = outcome,
  ): void {
    const now = this.environment.turn.nowMs()
    if (outcome === 'protocol-error') this.environment.malformed(this.x, endpoint.name, detail)
    this.concludeAttempt(endpoint, learnt, 0, now)
    const stopped = this.retryAfter(outcome, 0, undefined, now)
    if (stopped === undefined) return
    this.doing = NOTHING
    this.finish(stopped === 'budget' ? 'retry-budget-exhausted' : CAUSE_OF[outcome], detail)
  }

  private timedOut(cause: 'request-timeout' | 'attempt-timeout'): void {
    const { doing } = this
    const detail = cause === 'request-timeout' ? 'the request took too long' : 'the attempt took too long'
    const endpoint = this.leave()
    if (endpoint === undefined || cause === 'request-timeout') {
      if (endpoint !== undefined) this.concludeAttempt(endpoint, 'timeout', 0, this.environment.turn.nowMs())
      this.finish(cause, detail)
      return
    }
    this.doing = doing
    const now = this.environment.turn.nowMs()
    this.concludeAttempt(endpoint, 'timeout', 0, now)
    const stopped = this.retryAfter('timeout', 0, undefined, now)
    if (stopped === undefined) return
    this.doing = NOTHING
    this.finish(stopped === 'budget' ? 'retry-budget-exhausted' : cause, detail)
  }

  /** The caller is gone. */
  cancel(): void {
    const endpoint = this.leave()
    if (endpoint !== undefined) this.concludeAttempt(endpoint, 'cancelled', 0, this.environment.turn.nowMs())
    this.settle()
  }

  drained(): void {
    if (this.doing.kind === 'requesting') this.doing.session.resume()
  }

  /** Lets go of what is under way. Returns the endpoint that an attempt was with. */
  private leave(): EndpointState | undefined {
    const { doing } = this
    this.doing = NOTHING
    switch (doing.kind) {
      case 'queueing':
        doing.leave()
        releasePending(this.plan.destination.breaker)
        return undefined
      case 'connecting':
        doing.connecting.giveUp(this)
        return doing.endpoint
      case 'requesting':
        doing.session.abandon()
        return doing.endpoint
      default:
        return undefined
    }
  }

  /** Tells everybody who learns from attempts how this one ended. */
  private concludeAttempt(endpoint: EndpointState, outcome: AttemptClass, status: number, now: number): void {
    this.body?.detach()
    const { destination } = this.plan
    const start = this.attemptStartMs
    if (outcome === 'success' && endpoint.hasAnswered) loadEnded(endpoint.load, now, (this.headMs || now) - this.sentMs)
    else if (outcome === 'success') {
      endpoint.hasAnswered = true
      loadCancelled(endpoint.load, now, 0)
    } else if (outcome === 'cancelled') loadCancelled(endpoint.load, now, now - start)
    else loadFailed(endpoint.load, now, now - start)
    if (recordOutcome(endpoint.outlier, destination.group, destination.settings.outlier, outcome, now) === 'ejected') {
      this.environment.ejected(destination.key ?? '', endpoint.name)
    }
    this.environment.attempted(this.x, endpoint.name, outcome, status, start, now)
  }

  private finish(cause: Cause, detail: string): void {
    this.settle()
    this.body?.discard()
    this.x.fail(cause, detail)
  }

  /** Gives back what the exchange held. */
  private settle(): void {
    if (this.settled) return
    releaseRequest(this.plan.destination.breaker)
    this.letGo()
  }

  /** Bytes are a load on their destination for as long as they pass, on whatever connection. */
  private settleWhenOver(): void {
    const { breaker } = this.plan.destination
    this.x.whenOver = () => releaseRequest(breaker)
    this.letGo()
  }

  private letGo(): void {
    this.settled = true
    this.x.carrier = undefined
    const { wheel } = this.environment
    if (this.deadline !== undefined) wheel.clear(this.deadline)
    if (this.attemptEnd !== undefined) wheel.clear(this.attemptEnd)
    if (this.pause !== undefined) wheel.clear(this.pause)
  }

  private guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.collapse(error)
    }
  }

  /** Something of ours has thrown. All that was held is given back, and the caller is told. */
  private collapse(error: unknown): void {
    const endpoint = this.leave()
    if (endpoint !== undefined) loadCancelled(endpoint.load, this.environment.turn.nowMs(), 0)
    this.settle()
    endBroken(this.x, error, this.environment.broken)
  }
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return Math.min(a, b)
}
