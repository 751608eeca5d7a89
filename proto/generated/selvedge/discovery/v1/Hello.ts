// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { HeldResource as _selvedge_discovery_v1_HeldResource, HeldResource__Output as _selvedge_discovery_v1_HeldResource__Output } from '../../../selvedge/discovery/v1/HeldResource.ts';
import type { Registration as _selvedge_discovery_v1_Registration, Registration__Output as _selvedge_discovery_v1_Registration__Output } from '../../../selvedge/discovery/v1/Registration.ts';
import type { Long } from '@grpc/proto-loader';

export interface Hello {
  'protocolVersion'?: (number);
  'workload'?: (string);
  'programVersion'?: (string);
  'subscriptions'?: (string)[];
  'held'?: (_selvedge_discovery_v1_HeldResource)[];
  'registration'?: (_selvedge_discovery_v1_Registration | null);
  'revision'?: (number | string | Long);
  'endpointChanges'?: (boolean);
}

export interface Hello__Output {
  'protocolVersion': (number);
  'workload': (string);
  'programVersion': (string);
  'subscriptions': (string)[];
  'held': (_selvedge_discovery_v1_HeldResource__Output)[];
  'registration': (_selvedge_discovery_v1_Registration__Output | null);
  'revision': (number);
  'endpointChanges': (boolean);
}
