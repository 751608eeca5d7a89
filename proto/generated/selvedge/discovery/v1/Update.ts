// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { Self as _selvedge_discovery_v1_Self, Self__Output as _selvedge_discovery_v1_Self__Output } from '../../../selvedge/discovery/v1/Self.ts';
import type { Service as _selvedge_discovery_v1_Service, Service__Output as _selvedge_discovery_v1_Service__Output } from '../../../selvedge/discovery/v1/Service.ts';
import type { Endpoints as _selvedge_discovery_v1_Endpoints, Endpoints__Output as _selvedge_discovery_v1_Endpoints__Output } from '../../../selvedge/discovery/v1/Endpoints.ts';
import type { EndpointsChange as _selvedge_discovery_v1_EndpointsChange, EndpointsChange__Output as _selvedge_discovery_v1_EndpointsChange__Output } from '../../../selvedge/discovery/v1/EndpointsChange.ts';

export interface Update {
  'nonce'?: (string);
  'revision'?: (string);
  'self'?: (_selvedge_discovery_v1_Self | null);
  'services'?: (_selvedge_discovery_v1_Service)[];
  'endpoints'?: (_selvedge_discovery_v1_Endpoints)[];
  'absent'?: (string)[];
  'endpointChanges'?: (_selvedge_discovery_v1_EndpointsChange)[];
}

export interface Update__Output {
  'nonce': (string);
  'revision': (string);
  'self': (_selvedge_discovery_v1_Self__Output | null);
  'services': (_selvedge_discovery_v1_Service__Output)[];
  'endpoints': (_selvedge_discovery_v1_Endpoints__Output)[];
  'absent': (string)[];
  'endpointChanges': (_selvedge_discovery_v1_EndpointsChange__Output)[];
}
