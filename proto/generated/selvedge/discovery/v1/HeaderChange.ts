// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { HeaderValue as _selvedge_discovery_v1_HeaderValue, HeaderValue__Output as _selvedge_discovery_v1_HeaderValue__Output } from '../../../selvedge/discovery/v1/HeaderValue.ts';

export interface HeaderChange {
  'set'?: (_selvedge_discovery_v1_HeaderValue)[];
  'add'?: (_selvedge_discovery_v1_HeaderValue)[];
  'remove'?: (string)[];
}

export interface HeaderChange__Output {
  'set': (_selvedge_discovery_v1_HeaderValue__Output)[];
  'add': (_selvedge_discovery_v1_HeaderValue__Output)[];
  'remove': (string)[];
}
