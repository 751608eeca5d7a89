/**
 * Carries what this sidecar has counted, and the spans that it keeps, to the control plane: once a second, on one stream.
 * Invariants: counts are taken only when they can leave, so that a control plane that is away costs none; it measures nothing itself.
 */
export { type TelemetryReporterOptions, telemetryReporter } from './grpc-reports.ts'
export type { Reporter } from './reporter.ts'
