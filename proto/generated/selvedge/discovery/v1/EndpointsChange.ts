// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { Endpoint as _selvedge_discovery_v1_Endpoint, Endpoint__Output as _selvedge_discovery_v1_Endpoint__Output } from '../../../selvedge/discovery/v1/Endpoint.ts';

export interface EndpointsChange {
  'version'?: (string);
  'service'?: (string);
  'baseVersion'?: (string);
  'put'?: (_selvedge_discovery_v1_Endpoint)[];
  'removed'?: (string)[];
}

export interface EndpointsChange__Output {
  'version': (string);
  'service': (string);
  'baseVersion': (string);
  'put': (_selvedge_discovery_v1_Endpoint__Output)[];
  'removed': (string)[];
}
