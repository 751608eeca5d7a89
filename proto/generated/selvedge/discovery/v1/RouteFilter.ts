// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { HeaderChange as _selvedge_discovery_v1_HeaderChange, HeaderChange__Output as _selvedge_discovery_v1_HeaderChange__Output } from '../../../selvedge/discovery/v1/HeaderChange.ts';
import type { Redirect as _selvedge_discovery_v1_Redirect, Redirect__Output as _selvedge_discovery_v1_Redirect__Output } from '../../../selvedge/discovery/v1/Redirect.ts';
import type { Rewrite as _selvedge_discovery_v1_Rewrite, Rewrite__Output as _selvedge_discovery_v1_Rewrite__Output } from '../../../selvedge/discovery/v1/Rewrite.ts';

export interface RouteFilter {
  'requestHeaders'?: (_selvedge_discovery_v1_HeaderChange | null);
  'responseHeaders'?: (_selvedge_discovery_v1_HeaderChange | null);
  'redirect'?: (_selvedge_discovery_v1_Redirect | null);
  'rewrite'?: (_selvedge_discovery_v1_Rewrite | null);
  'filter'?: "requestHeaders"|"responseHeaders"|"redirect"|"rewrite";
}

export interface RouteFilter__Output {
  'requestHeaders'?: (_selvedge_discovery_v1_HeaderChange__Output | null);
  'responseHeaders'?: (_selvedge_discovery_v1_HeaderChange__Output | null);
  'redirect'?: (_selvedge_discovery_v1_Redirect__Output | null);
  'rewrite'?: (_selvedge_discovery_v1_Rewrite__Output | null);
  'filter'?: "requestHeaders"|"responseHeaders"|"redirect"|"rewrite";
}
