import type { AttemptClass, Random } from '../../../common/mod.ts'
import type { Span } from '../../../model/telemetry/mod.ts'
import { type Exchange, type Filter, ownText, pathOf } from '../../http/mod.ts'
import { formatTraceparent, looksUnsampled, newSpanId, parseTraceparent, type TraceContext } from './trace-context.ts'
import { UnixTime } from './unix-time.ts'

/** Spans that wait for the next report. What comes on top is dropped and counted: traces are a sample anyway. */
const SPANS_MAX = 2_000
const PATH_CHARACTERS_MAX = 256
/** New traces that share the first half of their id. */
const HIGH_USES = 64

export interface TracerOptions {
  readonly random: Random
  nowMs(): number
  wallMs(): number
  /** 0 to 1. */
  sampling(): number
}

/** Hands `traceparent` on, or makes one, and keeps spans of sampled requests and of errors. An unsampled request pays for the header alone. */
export class Tracer {
  dropped = 0
  private readonly options: TracerOptions
  private readonly unixTime: UnixTime
  private spans: Span[] = []
  private high = ''
  private highUses = 0

  constructor(options: TracerOptions) {
    this.options = options
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
        if (x.traceSampled || x.status >= 500 || x.facts.cause !== undefined) this.keep(x, kind)
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
        this.send(x, context.traceId, newSpanId(this.options.random))
        return
      }
      // W3C Trace Context, 3.3: what belongs to a trace that can't be read is not for the one that begins here.
      x.request.headers.remove('tracestate')
    }
    x.traceSampled = this.options.random() < this.options.sampling()
    const spanId = newSpanId(this.options.random)
    this.send(x, this.traceHigh() + spanId, spanId)
  }

  /** The first half of new trace ids. The second is drawn for each, so that together they are as good as unique, for half the cost. */
  private traceHigh(): string {
    if (this.highUses++ % HIGH_USES === 0) this.high = newSpanId(this.options.random)
    return this.high
  }

  private fresh(): TraceContext {
    const spanId = newSpanId(this.options.random)
    return { traceId: this.traceHigh() + spanId, spanId, sampled: false }
  }

  private send(x: Exchange, traceId: string, spanId: string): void {
    x.traceText = formatTraceparent(traceId, spanId, x.traceSampled)
    if (x.request.traceparent === undefined) x.request.headers.add('traceparent', x.traceText)
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
    if (!x.traceSampled) return
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
      cause: outcome === 'connect-failed' ? 'connect-failed' : outcome === 'reset' ? 'upstream-reset' : undefined,
      endpoint,
    })
    x.attemptSpan = ''
  }

  private keep(x: Exchange, kind: 'client' | 'server'): void {
    // What only looked like a context was handed on too: the error is kept under ids of its own.
    const context = parseTraceparent(x.traceText) ?? this.fresh()
    // An error of a request that nobody sampled: its header went on as it came, so the span in it is the one above ours.
    const passedOn = x.traceText === x.request.traceparent && context.traceId === x.traceText.slice(3, 35)
    this.push({
      ...this.common(x, x.startMs, this.options.nowMs()),
      traceId: context.traceId,
      spanId: passedOn ? newSpanId(this.options.random) : context.spanId,
      parentSpanId: passedOn ? context.spanId : x.traceParent,
      kind,
      status: x.status,
      cause: x.facts.cause,
      endpoint: x.facts.endpoint,
    })
  }

  private common(x: Exchange, startMs: number, endMs: number) {
    const { facts, request } = x
    return {
      source: facts.source,
      destination: facts.destination,
      route: facts.route,
      method: request.method.slice(0, 32),
      path: pathOf(request.target).slice(0, PATH_CHARACTERS_MAX),
      startUs: this.unixTime.microseconds(startMs),
      durationUs: Math.round((endMs - startMs) * 1000),
    }
  }

  private push(span: Span): void {
    if (this.spans.length >= SPANS_MAX) {
      this.dropped++
      return
    }
    const { traceId, parentSpanId, method, path } = span
    // Pieces of the request's head: it may be taken by nobody for long, and wait in file mode for ever.
    const own = { traceId: ownText(traceId), parentSpanId: ownText(parentSpanId), method: ownText(method) }
    this.spans.push({ ...span, ...own, path: ownText(path) })
  }

  /** What has been kept since the last call. */
  take(): Span[] {
    this.unixTime.observe()
    const { spans } = this
    this.spans = []
    return spans
  }
}
