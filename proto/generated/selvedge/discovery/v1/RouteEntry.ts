// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { ValueMatch as _selvedge_discovery_v1_ValueMatch, ValueMatch__Output as _selvedge_discovery_v1_ValueMatch__Output } from '../../../selvedge/discovery/v1/ValueMatch.ts';
import type { NamedMatch as _selvedge_discovery_v1_NamedMatch, NamedMatch__Output as _selvedge_discovery_v1_NamedMatch__Output } from '../../../selvedge/discovery/v1/NamedMatch.ts';

export interface RouteEntry {
  'ports'?: (number)[];
  'rule'?: (number);
  'path'?: (_selvedge_discovery_v1_ValueMatch | null);
  'method'?: (string);
  'headers'?: (_selvedge_discovery_v1_NamedMatch)[];
  'query'?: (_selvedge_discovery_v1_NamedMatch)[];
  '_method'?: "method";
}

export interface RouteEntry__Output {
  'ports': (number)[];
  'rule': (number);
  'path': (_selvedge_discovery_v1_ValueMatch__Output | null);
  'method'?: (string);
  'headers': (_selvedge_discovery_v1_NamedMatch__Output)[];
  'query': (_selvedge_discovery_v1_NamedMatch__Output)[];
  '_method'?: "method";
}
