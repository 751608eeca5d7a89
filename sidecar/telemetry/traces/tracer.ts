import type { AttemptClass, Random } from '../../../common/mod.ts'
import { type Exchange, type Filter, httpStatusOfGrpc, NO_GRPC_STATUS, ownText, pathOf } from '../../http/mod.ts'
import type { KeptSpan, SpanExport } from './kept-span.ts'
import { formatTraceparent, looksUnsampled, parseTraceparent } from './trace-context.ts'
import { newSpanId, TraceIds } from './trace-ids.ts'
import { UnixTime } from './unix-time.ts'

/** Spans that wait for the next report. What comes on top is dropped and counted: traces are a sample anyway. */
const SPANS_MAX = 2_000
const PATH_CHARACTERS_MAX = 256
const METHOD_CHARACTERS_MAX = 32
/** RFC 1035 allows a name 255 bytes; a port and brackets come on top. */
const AUTHORITY_CHARACTERS_MAX = 264
/** W3C Trace Context, 3.3.1.5: at least so many are to be handed on. What is longer still goes on with the request, not with the span. */
const TRACE_STATE_CHARACTERS_MAX = 512
const DETAIL_CHARACTERS_MAX = 256
/** In `tracestate`, an exchange that carries spans itself: it leaves none, errors included, or they would never end. */
export const UNTRACED = 'selvedge=untraced'

export interface TracerOptions {
  readonly random: Random
  nowMs(): number
  wallMs(): number
  /** 0 to 1. */
  sampling(): number
  /** Whether somebody calls `take`: in file mode nobody does. */
  readonly reported: boolean
  readonly exported: SpanExport
}

/** Hands `traceparent` on, or makes one, and keeps spans of sampled requests and of errors. An unsampled request pays for the header alone. */
export class Tracer {
  dropped = 0
  private readonly options: TracerOptions
  private readonly ids: TraceIds
  private readonly unixTime: UnixTime
  private spans: KeptSpan[] = []

  constructor(options: TracerOptions) {
    this.options = options
    this.ids = new TraceIds(options.random)
    this.unixTime = new UnixTime(options)
  }

  filter(kind: 'client' | 'server'): Filter {
    return {
      name: 'trace',
      request: x => {
        this.begin(x)
        return 'next'
      },
      end: x => {
        if (x.moot !== undefined) return
        if (x.traceSampled || judgedStatus(x) >= 500 || x.facts.cause !== undefined) this.keep(x, kind)
      },
    }
  }

  private begin(x: Exchange): void {
    const given = x.request.traceparent
    if (given !== undefined) {
      if (looksUnsampled(given)) {
        x.traceText = given
        return
      }
      const context = parseTraceparent(given)
      if (context?.sampled === false) {
        // Unsampled with other flags, such as "the trace id is random".
        x.traceText = given
        return
      }
      if (context !== undefined) {
        x.traceParent = context.spanId
        x.traceSampled = true
        x.traceText = formatTraceparent(context.traceId, newSpanId(this.options.random), true)
        x.request.headers.set('traceparent', x.traceText)
        return
      }
      // W3C Trace Context, 3.3: what belongs to a trace that can't be read is not for the one that begins here.
      x.request.headers.remove('tracestate')
    }
    x.traceSampled = this.options.random() < this.options.sampling()
    x.traceText = this.ids.next(x.traceSampled)
    if (given === undefined) x.request.headers.add('traceparent', x.traceText)
    else x.request.headers.set('traceparent', x.traceText)
  }

  /** What the far side does for this try belongs below this try, not beside it. */
  attempting(x: Exchange): void {
    if (!x.traceSampled) return
    const context = parseTraceparent(x.traceText)
    if (context === undefined) return
    x.attemptSpan = newSpanId(this.options.random)
    x.request.headers.set('traceparent', formatTraceparent(context.traceId, x.attemptSpan, true))
  }

  /** One try of a sampled exchange has ended. Times are monotonic milliseconds. */
  attempt(x: Exchange, endpoint: string, outcome: AttemptClass, status: number, startMs: number, endMs: number): void {
    if (!x.traceSampled || !this.wanted) return
    const context = parseTraceparent(x.traceText)
    if (context === undefined) return
    this.push({
      ...this.common(x, startMs, endMs),
      traceId: context.traceId,
      // A try that never came to a connection has sent no span.
      spanId: x.attemptSpan === '' ? newSpanId(this.options.random) : x.attemptSpan,
      parentSpanId: context.spanId,
      kind: 'attempt',
      status,
      grpcStatus: undefined,
      judged: status,
      cause: outcome === 'connect-failed' ? 'connect-failed' : outcome === 'reset' ? 'upstream-reset' : undefined,
      endpoint,
      mtls: x.facts.mtls,
      outcome,
      detail: '',
      callerLeft: outcome === 'cancelled',
    })
    x.attemptSpan = ''
  }

  private get wanted(): boolean {
    return this.options.reported || this.options.exported.wanted
  }

  private keep(x: Exchange, kind: 'client' | 'server'): void {
    if (!this.wanted) return
    // What only looked like a context was handed on too: the error is kept under ids of its own.
    const context = parseTraceparent(x.traceText) ?? parseTraceparent(this.ids.next(false))!
    // An error of a request that nobody sampled: its header went on as it came, so the span in it is the one above ours.
    const passedOn = x.traceText === x.request.traceparent && context.traceId === x.traceText.slice(3, 35)
    const span = {
      ...this.common(x, x.startMs, this.options.nowMs()),
      traceId: context.traceId,
      spanId: passedOn ? newSpanId(this.options.random) : context.spanId,
      parentSpanId: passedOn ? context.spanId : x.traceParent,
      kind,
      status: x.status,
      grpcStatus: x.facts.grpcStatus === NO_GRPC_STATUS ? undefined : x.facts.grpcStatus,
      judged: judgedStatus(x),
      cause: x.facts.cause,
      endpoint: x.facts.endpoint,
      mtls: kind === 'server' ? x.caller.kind === 'peer' : x.facts.mtls,
      outcome: undefined,
      detail: ownText(x.facts.detail.slice(0, DETAIL_CHARACTERS_MAX)),
      callerLeft: x.callerLeft,
    }
    if (span.traceState !== UNTRACED) this.push(span)
  }

  private common(x: Exchange, startMs: number, endMs: number) {
    const { facts, request } = x
    const state = request.headers.get('tracestate') ?? ''
    return {
      source: facts.source,
      destination: facts.destination,
      route: facts.route,
      method: request.method.slice(0, METHOD_CHARACTERS_MAX),
      path: pathOf(request.target).slice(0, PATH_CHARACTERS_MAX),
      authority: request.authority.slice(0, AUTHORITY_CHARACTERS_MAX),
      httpVersion: request.httpVersion,
      minorVersion: request.minorVersion,
      sampled: x.traceSampled,
      traceState: state.length > TRACE_STATE_CHARACTERS_MAX ? '' : state,
      attempts: facts.attempts,
      startUs: this.unixTime.microseconds(startMs),
      durationUs: Math.round((endMs - startMs) * 1000),
    }
  }

  private push(span: KeptSpan): void {
    const { exported, reported } = this.options
    // Pieces of the request's head: it may be taken by nobody for long.
    const kept: KeptSpan = {
      ...span,
      traceId: ownText(span.traceId),
      parentSpanId: ownText(span.parentSpanId),
      method: ownText(span.method),
      path: ownText(span.path),
      authority: ownText(span.authority),
      traceState: ownText(span.traceState),
    }
    if (exported.wanted) exported.add(kept)
    if (!reported) return
    if (this.spans.length >= SPANS_MAX) this.dropped++
    else this.spans.push(kept)
  }

  /** What another thread has kept, and what it has dropped. */
  adopt(spans: readonly KeptSpan[], dropped: number): void {
    const room = Math.max(0, SPANS_MAX - this.spans.length)
    for (const span of spans.slice(0, room)) this.spans.push(span)
    this.dropped += dropped + Math.max(0, spans.length - room)
  }

  /** What has been kept since the last call. */
  take(): KeptSpan[] {
    this.unixTime.observe()
    const { spans } = this
    this.spans = []
    return spans
  }
}

/** An error of gRPC's comes with 200. */
function judgedStatus({ status, facts: { grpcStatus } }: Exchange): number {
  return grpcStatus > 0 ? httpStatusOfGrpc(grpcStatus) : status
}
