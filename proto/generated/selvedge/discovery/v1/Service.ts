// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { ServicePort as _selvedge_discovery_v1_ServicePort, ServicePort__Output as _selvedge_discovery_v1_ServicePort__Output } from '../../../selvedge/discovery/v1/ServicePort.ts';
import type { RouteEntry as _selvedge_discovery_v1_RouteEntry, RouteEntry__Output as _selvedge_discovery_v1_RouteEntry__Output } from '../../../selvedge/discovery/v1/RouteEntry.ts';
import type { RouteRule as _selvedge_discovery_v1_RouteRule, RouteRule__Output as _selvedge_discovery_v1_RouteRule__Output } from '../../../selvedge/discovery/v1/RouteRule.ts';
import type { TrafficSettings as _selvedge_discovery_v1_TrafficSettings, TrafficSettings__Output as _selvedge_discovery_v1_TrafficSettings__Output } from '../../../selvedge/discovery/v1/TrafficSettings.ts';

export interface Service {
  'version'?: (string);
  'key'?: (string);
  'ports'?: (_selvedge_discovery_v1_ServicePort)[];
  'routed'?: (boolean);
  'entries'?: (_selvedge_discovery_v1_RouteEntry)[];
  'rules'?: (_selvedge_discovery_v1_RouteRule)[];
  'traffic'?: (_selvedge_discovery_v1_TrafficSettings | null);
}

export interface Service__Output {
  'version': (string);
  'key': (string);
  'ports': (_selvedge_discovery_v1_ServicePort__Output)[];
  'routed': (boolean);
  'entries': (_selvedge_discovery_v1_RouteEntry__Output)[];
  'rules': (_selvedge_discovery_v1_RouteRule__Output)[];
  'traffic': (_selvedge_discovery_v1_TrafficSettings__Output | null);
}
