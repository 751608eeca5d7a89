/**
 * Spans on their way to an OpenTelemetry collector, as OTLP over HTTP or gRPC, through the OpenTelemetry SDK's own exporters.
 * Invariants: a request only ever appends to a bounded queue; the SDK is loaded when a policy names a collector, and not before; whatever the
 * collector does costs bounded memory and time; an export leaves no span of its own.
 */
export type { CollectorRoute, RouteToCollector } from './collector-agent.ts'
export { openCollector, preloadExporters } from './load.ts'
export { type ExportIdentity, OtlpExport, type OtlpExportOptions } from './otlp-export.ts'
