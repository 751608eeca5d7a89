// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { InboundPort as _selvedge_discovery_v1_InboundPort, InboundPort__Output as _selvedge_discovery_v1_InboundPort__Output } from '../../../selvedge/discovery/v1/InboundPort.ts';
import type { MeshSettings as _selvedge_discovery_v1_MeshSettings, MeshSettings__Output as _selvedge_discovery_v1_MeshSettings__Output } from '../../../selvedge/discovery/v1/MeshSettings.ts';

export interface Self {
  'version'?: (string);
  'workload'?: (string);
  'namespace'?: (string);
  'serviceAccount'?: (string);
  'trustDomain'?: (string);
  'services'?: (string)[];
  'ports'?: (_selvedge_discovery_v1_InboundPort)[];
  'mesh'?: (_selvedge_discovery_v1_MeshSettings | null);
}

export interface Self__Output {
  'version': (string);
  'workload': (string);
  'namespace': (string);
  'serviceAccount': (string);
  'trustDomain': (string);
  'services': (string)[];
  'ports': (_selvedge_discovery_v1_InboundPort__Output)[];
  'mesh': (_selvedge_discovery_v1_MeshSettings__Output | null);
}
