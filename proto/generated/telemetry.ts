import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { CauseCount as _selvedge_telemetry_v1_CauseCount, CauseCount__Output as _selvedge_telemetry_v1_CauseCount__Output } from './selvedge/telemetry/v1/CauseCount.ts';
import type { CellCount as _selvedge_telemetry_v1_CellCount, CellCount__Output as _selvedge_telemetry_v1_CellCount__Output } from './selvedge/telemetry/v1/CellCount.ts';
import type { EdgeReport as _selvedge_telemetry_v1_EdgeReport, EdgeReport__Output as _selvedge_telemetry_v1_EdgeReport__Output } from './selvedge/telemetry/v1/EdgeReport.ts';
import type { ReportSummary as _selvedge_telemetry_v1_ReportSummary, ReportSummary__Output as _selvedge_telemetry_v1_ReportSummary__Output } from './selvedge/telemetry/v1/ReportSummary.ts';
import type { Span as _selvedge_telemetry_v1_Span, Span__Output as _selvedge_telemetry_v1_Span__Output } from './selvedge/telemetry/v1/Span.ts';
import type { TelemetryClient as _selvedge_telemetry_v1_TelemetryClient, TelemetryDefinition as _selvedge_telemetry_v1_TelemetryDefinition } from './selvedge/telemetry/v1/Telemetry.ts';
import type { TelemetryReport as _selvedge_telemetry_v1_TelemetryReport, TelemetryReport__Output as _selvedge_telemetry_v1_TelemetryReport__Output } from './selvedge/telemetry/v1/TelemetryReport.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  selvedge: {
    telemetry: {
      v1: {
        CauseCount: MessageTypeDefinition<_selvedge_telemetry_v1_CauseCount, _selvedge_telemetry_v1_CauseCount__Output>
        CellCount: MessageTypeDefinition<_selvedge_telemetry_v1_CellCount, _selvedge_telemetry_v1_CellCount__Output>
        EdgeReport: MessageTypeDefinition<_selvedge_telemetry_v1_EdgeReport, _selvedge_telemetry_v1_EdgeReport__Output>
        ReportSummary: MessageTypeDefinition<_selvedge_telemetry_v1_ReportSummary, _selvedge_telemetry_v1_ReportSummary__Output>
        Span: MessageTypeDefinition<_selvedge_telemetry_v1_Span, _selvedge_telemetry_v1_Span__Output>
        Telemetry: SubtypeConstructor<typeof grpc.Client, _selvedge_telemetry_v1_TelemetryClient> & { service: _selvedge_telemetry_v1_TelemetryDefinition }
        TelemetryReport: MessageTypeDefinition<_selvedge_telemetry_v1_TelemetryReport, _selvedge_telemetry_v1_TelemetryReport__Output>
      }
    }
  }
}

