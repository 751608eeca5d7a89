import type { ServerReadableStream, ServiceDefinition, sendUnaryData } from '@grpc/grpc-js'
import { isCause, parseServiceKey, type WorkloadKey } from '../../common/mod.ts'
import type { EdgeReport, Span, TelemetryReport } from '../../model/telemetry/mod.ts'
import type * as proto from '../../proto/mod.ts'
import { loadTelemetry } from '../../proto/mod.ts'

type Summary = Parameters<NonNullable<Parameters<proto.TelemetryHandlers['Report']>[1]>>[1]
/** One sidecar's stream of reports, as gRPC hands it over. */
export type TelemetryCall = ServerReadableStream<proto.TelemetryReport__Output, NonNullable<Summary>>
export type TelemetryAnswer = sendUnaryData<NonNullable<Summary>>
export type TelemetryHandlers = proto.TelemetryHandlers

type EdgeWire = proto.TelemetryReport__Output['edges'][number]
type SpanWire = proto.TelemetryReport__Output['spans'][number]

/** A path is cut by the sidecar; so is what doesn't hold to it. */
const PATH_TEXT_MAX = 256
const METHOD_TEXT_MAX = 32
const NAME_TEXT_MAX = 512
const TRACE_ID_BYTES = 16
const SPAN_ID_BYTES = 8

/** Parses the .proto: call once. */
export function telemetryDefinition(): ServiceDefinition {
  return loadTelemetry().Telemetry.service
}

/** What a sidecar reported; `undefined` when it doesn't say of which workload. What makes no sense in it is left out. */
export function decodeReport(wire: proto.TelemetryReport__Output): TelemetryReport | undefined {
  if (!parseServiceKey(wire.workload).ok) return undefined
  return {
    workload: wire.workload as WorkloadKey,
    edges: wire.edges.map(decodeEdge),
    spans: wire.spans.filter(hasIds).map(decodeSpan),
  }
}

function decodeEdge(wire: EdgeWire): EdgeReport {
  const causes = wire.causes.flatMap(({ cause, count }) => (isCause(cause) ? [{ cause, count }] : []))
  const { source, destination, route, requests, successes, mtlsRequests, plaintextRequests, retries } = wire
  const latency = wire.latency.map(({ cell, count }) => ({ cell, count }))
  return { source, destination, route, requests, successes, mtlsRequests, plaintextRequests, retries, causes, latency }
}

function hasIds(wire: SpanWire): boolean {
  return wire.traceId.length === TRACE_ID_BYTES && wire.spanId.length === SPAN_ID_BYTES
}

function decodeSpan(wire: SpanWire): Span {
  return {
    traceId: wire.traceId.toString('hex'),
    spanId: wire.spanId.toString('hex'),
    parentSpanId: wire.parentSpanId.length === SPAN_ID_BYTES ? wire.parentSpanId.toString('hex') : '',
    kind: wire.kind === 'server' || wire.kind === 'attempt' ? wire.kind : 'client',
    source: wire.source,
    destination: wire.destination,
    method: cut(wire.method, METHOD_TEXT_MAX),
    path: cut(wire.path, PATH_TEXT_MAX),
    status: wire.status,
    cause: isCause(wire.cause) ? wire.cause : undefined,
    route: cut(wire.route, NAME_TEXT_MAX),
    endpoint: cut(wire.endpoint, NAME_TEXT_MAX),
    startUs: wire.startUs,
    durationUs: wire.durationUs,
  }
}

/** A copy where something is cut off: a piece of a text keeps all of it alive, and spans are kept for long. */
function cut(text: string, charactersMax: number): string {
  return text.length <= charactersMax ? text : Buffer.from(text.slice(0, charactersMax)).toString()
}
