// Original file: proto/selvedge/telemetry/v1/telemetry.proto

import type { Long } from '@grpc/proto-loader';

export interface Span {
  'traceId'?: (Buffer | Uint8Array | string);
  'spanId'?: (Buffer | Uint8Array | string);
  'parentSpanId'?: (Buffer | Uint8Array | string);
  'kind'?: (string);
  'source'?: (string);
  'destination'?: (string);
  'method'?: (string);
  'path'?: (string);
  'status'?: (number);
  'cause'?: (string);
  'route'?: (string);
  'endpoint'?: (string);
  'startUs'?: (number | string | Long);
  'durationUs'?: (number | string | Long);
}

export interface Span__Output {
  'traceId': (Buffer);
  'spanId': (Buffer);
  'parentSpanId': (Buffer);
  'kind': (string);
  'source': (string);
  'destination': (string);
  'method': (string);
  'path': (string);
  'status': (number);
  'cause': (string);
  'route': (string);
  'endpoint': (string);
  'startUs': (number);
  'durationUs': (number);
}
