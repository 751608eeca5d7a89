// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { PathChange as _selvedge_discovery_v1_PathChange, PathChange__Output as _selvedge_discovery_v1_PathChange__Output } from '../../../selvedge/discovery/v1/PathChange.ts';

export interface Redirect {
  'scheme'?: (string);
  'hostname'?: (string);
  'port'?: (number);
  'path'?: (_selvedge_discovery_v1_PathChange | null);
  'status'?: (number);
  '_scheme'?: "scheme";
  '_hostname'?: "hostname";
  '_port'?: "port";
}

export interface Redirect__Output {
  'scheme'?: (string);
  'hostname'?: (string);
  'port'?: (number);
  'path': (_selvedge_discovery_v1_PathChange__Output | null);
  'status': (number);
  '_scheme'?: "scheme";
  '_hostname'?: "hostname";
  '_port'?: "port";
}
