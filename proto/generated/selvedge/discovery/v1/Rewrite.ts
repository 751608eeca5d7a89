// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { PathChange as _selvedge_discovery_v1_PathChange, PathChange__Output as _selvedge_discovery_v1_PathChange__Output } from '../../../selvedge/discovery/v1/PathChange.ts';

export interface Rewrite {
  'hostname'?: (string);
  'path'?: (_selvedge_discovery_v1_PathChange | null);
  '_hostname'?: "hostname";
}

export interface Rewrite__Output {
  'hostname'?: (string);
  'path': (_selvedge_discovery_v1_PathChange__Output | null);
  '_hostname'?: "hostname";
}
