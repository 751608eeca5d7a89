/**
 * Instruments that the data path is handed, and what reads them: metrics, traces, the access log, reports to the control plane.
 * Invariants: a request touches cells that were found before; labels hold names from policy, never text from a request; everything kept is bounded.
 */
export { type AccessLogSink, accessLog } from './access-log/access-log.ts'
export { EdgeReporter } from './metrics/edge-report.ts'
export { type MetricsView, renderMetrics } from './metrics/exposition.ts'
export { addGrowth, type Growth, GrowthWatch } from './metrics/growth.ts'
export { GAUGES, type Gauges, Instruments } from './metrics/instruments.ts'
export { measure } from './metrics/measure.ts'
export type { Meter, MeterLabels } from './metrics/meter.ts'
export type { KeptSpan, SpanExport } from './traces/kept-span.ts'
export { Tracer, UNTRACED } from './traces/tracer.ts'
