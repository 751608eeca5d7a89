// Original file: proto/selvedge/telemetry/v1/telemetry.proto

import type { CauseCount as _selvedge_telemetry_v1_CauseCount, CauseCount__Output as _selvedge_telemetry_v1_CauseCount__Output } from '../../../selvedge/telemetry/v1/CauseCount.ts';
import type { CellCount as _selvedge_telemetry_v1_CellCount, CellCount__Output as _selvedge_telemetry_v1_CellCount__Output } from '../../../selvedge/telemetry/v1/CellCount.ts';
import type { Long } from '@grpc/proto-loader';

export interface EdgeReport {
  'source'?: (string);
  'destination'?: (string);
  'route'?: (string);
  'requests'?: (number | string | Long);
  'successes'?: (number | string | Long);
  'mtlsRequests'?: (number | string | Long);
  'retries'?: (number | string | Long);
  'causes'?: (_selvedge_telemetry_v1_CauseCount)[];
  'latency'?: (_selvedge_telemetry_v1_CellCount)[];
  'plaintextRequests'?: (number | string | Long);
}

export interface EdgeReport__Output {
  'source': (string);
  'destination': (string);
  'route': (string);
  'requests': (number);
  'successes': (number);
  'mtlsRequests': (number);
  'retries': (number);
  'causes': (_selvedge_telemetry_v1_CauseCount__Output)[];
  'latency': (_selvedge_telemetry_v1_CellCount__Output)[];
  'plaintextRequests': (number);
}
