// Original file: proto/selvedge/telemetry/v1/telemetry.proto

import type { Long } from '@grpc/proto-loader';

export interface CellCount {
  'cell'?: (number);
  'count'?: (number | string | Long);
}

export interface CellCount__Output {
  'cell': (number);
  'count': (number);
}
