// Original file: proto/selvedge/telemetry/v1/telemetry.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ReportSummary as _selvedge_telemetry_v1_ReportSummary, ReportSummary__Output as _selvedge_telemetry_v1_ReportSummary__Output } from '../../../selvedge/telemetry/v1/ReportSummary.ts';
import type { TelemetryReport as _selvedge_telemetry_v1_TelemetryReport, TelemetryReport__Output as _selvedge_telemetry_v1_TelemetryReport__Output } from '../../../selvedge/telemetry/v1/TelemetryReport.ts';

export interface TelemetryClient extends grpc.Client {
  Report(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_telemetry_v1_ReportSummary__Output>): grpc.ClientWritableStream<_selvedge_telemetry_v1_TelemetryReport>;
  Report(metadata: grpc.Metadata, callback: grpc.requestCallback<_selvedge_telemetry_v1_ReportSummary__Output>): grpc.ClientWritableStream<_selvedge_telemetry_v1_TelemetryReport>;
  Report(options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_telemetry_v1_ReportSummary__Output>): grpc.ClientWritableStream<_selvedge_telemetry_v1_TelemetryReport>;
  Report(callback: grpc.requestCallback<_selvedge_telemetry_v1_ReportSummary__Output>): grpc.ClientWritableStream<_selvedge_telemetry_v1_TelemetryReport>;
  report(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_telemetry_v1_ReportSummary__Output>): grpc.ClientWritableStream<_selvedge_telemetry_v1_TelemetryReport>;
  report(metadata: grpc.Metadata, callback: grpc.requestCallback<_selvedge_telemetry_v1_ReportSummary__Output>): grpc.ClientWritableStream<_selvedge_telemetry_v1_TelemetryReport>;
  report(options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_telemetry_v1_ReportSummary__Output>): grpc.ClientWritableStream<_selvedge_telemetry_v1_TelemetryReport>;
  report(callback: grpc.requestCallback<_selvedge_telemetry_v1_ReportSummary__Output>): grpc.ClientWritableStream<_selvedge_telemetry_v1_TelemetryReport>;
  
}

export interface TelemetryHandlers extends grpc.UntypedServiceImplementation {
  Report: grpc.handleClientStreamingCall<_selvedge_telemetry_v1_TelemetryReport__Output, _selvedge_telemetry_v1_ReportSummary>;
  
}

export interface TelemetryDefinition extends grpc.ServiceDefinition {
  Report: MethodDefinition<_selvedge_telemetry_v1_TelemetryReport, _selvedge_telemetry_v1_ReportSummary, _selvedge_telemetry_v1_TelemetryReport__Output, _selvedge_telemetry_v1_ReportSummary__Output>
}
