// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { WorkloadPort as _selvedge_discovery_v1_WorkloadPort, WorkloadPort__Output as _selvedge_discovery_v1_WorkloadPort__Output } from '../../../selvedge/discovery/v1/WorkloadPort.ts';

export interface Registration {
  'address'?: (string);
  'inboundPort'?: (number);
  'ports'?: (_selvedge_discovery_v1_WorkloadPort)[];
  'labels'?: ({[key: string]: string});
  'serviceAccount'?: (string);
  'zone'?: (string);
  'ready'?: (boolean);
}

export interface Registration__Output {
  'address': (string);
  'inboundPort': (number);
  'ports': (_selvedge_discovery_v1_WorkloadPort__Output)[];
  'labels': ({[key: string]: string});
  'serviceAccount': (string);
  'zone': (string);
  'ready': (boolean);
}
