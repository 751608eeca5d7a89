import {
  createTraceState,
  type HrTime,
  type Link,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace'
import type { KeptSpan } from '../mod.ts'
import { describeSpan } from './describe-span.ts'

const KINDS = { client: SpanKind.CLIENT, server: SpanKind.SERVER, attempt: SpanKind.CLIENT } as const
const NO_LINKS: Link[] = []
const NO_EVENTS: TimedEvent[] = []

/** A span as the SDK's exporters read it. */
export function readableSpan(span: KeptSpan, resource: Resource, version: string): ReadableSpan {
  const { name, attributes, error } = describeSpan(span)
  const context = contextOf(span, span.spanId, false)
  const parent =
    span.parentSpanId === '' ? {} : { parentSpanContext: contextOf(span, span.parentSpanId, span.kind !== 'attempt') }
  return {
    name,
    kind: KINDS[span.kind],
    spanContext: () => context,
    ...parent,
    startTime: time(span.startUs),
    endTime: time(span.startUs + span.durationUs),
    duration: time(span.durationUs),
    // A status that an HTTP status already explains needs no words.
    status:
      error === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, ...(error.message === '' ? {} : { message: error.message }) },
    attributes: { ...attributes },
    links: NO_LINKS,
    events: NO_EVENTS,
    ended: true,
    resource,
    instrumentationScope: { name: 'selvedge', version },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

function contextOf(span: KeptSpan, spanId: string, isRemote: boolean): SpanContext {
  const context = {
    traceId: span.traceId,
    spanId,
    traceFlags: span.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote,
  }
  return span.traceState === '' ? context : { ...context, traceState: createTraceState(span.traceState) }
}

/** Seconds and nanoseconds. */
function time(us: number): HrTime {
  const seconds = Math.floor(us / 1e6)
  return [seconds, (us - seconds * 1e6) * 1_000]
}
