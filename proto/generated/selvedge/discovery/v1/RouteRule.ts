// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { RouteFilter as _selvedge_discovery_v1_RouteFilter, RouteFilter__Output as _selvedge_discovery_v1_RouteFilter__Output } from '../../../selvedge/discovery/v1/RouteFilter.ts';
import type { Backend as _selvedge_discovery_v1_Backend, Backend__Output as _selvedge_discovery_v1_Backend__Output } from '../../../selvedge/discovery/v1/Backend.ts';
import type { RetryRule as _selvedge_discovery_v1_RetryRule, RetryRule__Output as _selvedge_discovery_v1_RetryRule__Output } from '../../../selvedge/discovery/v1/RetryRule.ts';

export interface RouteRule {
  'route'?: (string);
  'name'?: (string);
  'filters'?: (_selvedge_discovery_v1_RouteFilter)[];
  'backends'?: (_selvedge_discovery_v1_Backend)[];
  'requestTimeoutMs'?: (number);
  'attemptTimeoutMs'?: (number);
  'retry'?: (_selvedge_discovery_v1_RetryRule | null);
  '_requestTimeoutMs'?: "requestTimeoutMs";
  '_attemptTimeoutMs'?: "attemptTimeoutMs";
}

export interface RouteRule__Output {
  'route': (string);
  'name': (string);
  'filters': (_selvedge_discovery_v1_RouteFilter__Output)[];
  'backends': (_selvedge_discovery_v1_Backend__Output)[];
  'requestTimeoutMs'?: (number);
  'attemptTimeoutMs'?: (number);
  'retry': (_selvedge_discovery_v1_RetryRule__Output | null);
  '_requestTimeoutMs'?: "requestTimeoutMs";
  '_attemptTimeoutMs'?: "attemptTimeoutMs";
}
