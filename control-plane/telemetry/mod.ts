/**
 * What sidecars report, gathered into a live picture: who calls whom, how fast, how well; and single requests across all sidecars.
 * Invariants: a sidecar speaks only for its own namespace; windows, edges, traces and spans are bounded; nothing here is kept on disk,
 * and nothing here decides.
 */
export { type TelemetryOptions, type TelemetryService, telemetryService } from './service.ts'
