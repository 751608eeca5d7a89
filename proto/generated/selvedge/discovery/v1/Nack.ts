// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { Problem as _selvedge_discovery_v1_Problem, Problem__Output as _selvedge_discovery_v1_Problem__Output } from '../../../selvedge/discovery/v1/Problem.ts';

export interface Nack {
  'nonce'?: (string);
  'problems'?: (_selvedge_discovery_v1_Problem)[];
  'lost'?: (string)[];
}

export interface Nack__Output {
  'nonce': (string);
  'problems': (_selvedge_discovery_v1_Problem__Output)[];
  'lost': (string)[];
}
