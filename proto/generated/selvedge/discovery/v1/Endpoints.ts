// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { Endpoint as _selvedge_discovery_v1_Endpoint, Endpoint__Output as _selvedge_discovery_v1_Endpoint__Output } from '../../../selvedge/discovery/v1/Endpoint.ts';

export interface Endpoints {
  'version'?: (string);
  'service'?: (string);
  'endpoints'?: (_selvedge_discovery_v1_Endpoint)[];
}

export interface Endpoints__Output {
  'version': (string);
  'service': (string);
  'endpoints': (_selvedge_discovery_v1_Endpoint__Output)[];
}
