// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { ServiceTarget as _selvedge_discovery_v1_ServiceTarget, ServiceTarget__Output as _selvedge_discovery_v1_ServiceTarget__Output } from '../../../selvedge/discovery/v1/ServiceTarget.ts';

export interface Backend {
  'weight'?: (number);
  'service'?: (_selvedge_discovery_v1_ServiceTarget | null);
  'invalid'?: (string);
  'target'?: "service"|"invalid";
}

export interface Backend__Output {
  'weight': (number);
  'service'?: (_selvedge_discovery_v1_ServiceTarget__Output | null);
  'invalid'?: (string);
  'target'?: "service"|"invalid";
}
