/**
 * The wire contract between control plane and sidecar, and the only one: versioned .proto packages, their loader, their types.
 * Invariants: types under `generated/` are made by `npm run generate`; only files named `wire.ts` touch the messages.
 */
export type {
  ControlMessage,
  ControlMessage__Output,
} from './generated/selvedge/discovery/v1/ControlMessage.ts'
export type { DiscoveryHandlers } from './generated/selvedge/discovery/v1/Discovery.ts'
export type { Endpoints, Endpoints__Output } from './generated/selvedge/discovery/v1/Endpoints.ts'
export type { EndpointsChange, EndpointsChange__Output } from './generated/selvedge/discovery/v1/EndpointsChange.ts'
export type { RouteRule, RouteRule__Output } from './generated/selvedge/discovery/v1/RouteRule.ts'
export type { Self, Self__Output } from './generated/selvedge/discovery/v1/Self.ts'
export type { Service, Service__Output } from './generated/selvedge/discovery/v1/Service.ts'
export type { SidecarMessage, SidecarMessage__Output } from './generated/selvedge/discovery/v1/SidecarMessage.ts'
export type { Update, Update__Output } from './generated/selvedge/discovery/v1/Update.ts'
export type { EnrolmentHandlers } from './generated/selvedge/identity/v1/Enrolment.ts'
export type { RenewalHandlers } from './generated/selvedge/identity/v1/Renewal.ts'
export type { SignedCertificate__Output } from './generated/selvedge/identity/v1/SignedCertificate.ts'
export type { TelemetryHandlers } from './generated/selvedge/telemetry/v1/Telemetry.ts'
export type { TelemetryReport, TelemetryReport__Output } from './generated/selvedge/telemetry/v1/TelemetryReport.ts'
export { loadDiscovery, loadIdentity, loadTelemetry } from './load.ts'
