// Original file: proto/selvedge/telemetry/v1/telemetry.proto

import type { Long } from '@grpc/proto-loader';

export interface CauseCount {
  'cause'?: (string);
  'count'?: (number | string | Long);
}

export interface CauseCount__Output {
  'cause': (string);
  'count': (number);
}
