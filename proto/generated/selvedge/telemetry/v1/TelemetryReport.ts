// Original file: proto/selvedge/telemetry/v1/telemetry.proto

import type { EdgeReport as _selvedge_telemetry_v1_EdgeReport, EdgeReport__Output as _selvedge_telemetry_v1_EdgeReport__Output } from '../../../selvedge/telemetry/v1/EdgeReport.ts';
import type { Span as _selvedge_telemetry_v1_Span, Span__Output as _selvedge_telemetry_v1_Span__Output } from '../../../selvedge/telemetry/v1/Span.ts';

export interface TelemetryReport {
  'workload'?: (string);
  'edges'?: (_selvedge_telemetry_v1_EdgeReport)[];
  'spans'?: (_selvedge_telemetry_v1_Span)[];
}

export interface TelemetryReport__Output {
  'workload': (string);
  'edges': (_selvedge_telemetry_v1_EdgeReport__Output)[];
  'spans': (_selvedge_telemetry_v1_Span__Output)[];
}
