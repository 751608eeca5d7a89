// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { PortPair as _selvedge_discovery_v1_PortPair, PortPair__Output as _selvedge_discovery_v1_PortPair__Output } from '../../../selvedge/discovery/v1/PortPair.ts';
import type { MeshTls as _selvedge_discovery_v1_MeshTls, MeshTls__Output as _selvedge_discovery_v1_MeshTls__Output } from '../../../selvedge/discovery/v1/MeshTls.ts';

export interface Endpoint {
  'workload'?: (string);
  'address'?: (string);
  'zone'?: (string);
  'ports'?: (_selvedge_discovery_v1_PortPair)[];
  'mesh'?: (_selvedge_discovery_v1_MeshTls | null);
}

export interface Endpoint__Output {
  'workload': (string);
  'address': (string);
  'zone': (string);
  'ports': (_selvedge_discovery_v1_PortPair__Output)[];
  'mesh': (_selvedge_discovery_v1_MeshTls__Output | null);
}
