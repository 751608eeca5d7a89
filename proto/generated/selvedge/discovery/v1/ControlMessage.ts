// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { Welcome as _selvedge_discovery_v1_Welcome, Welcome__Output as _selvedge_discovery_v1_Welcome__Output } from '../../../selvedge/discovery/v1/Welcome.ts';
import type { Update as _selvedge_discovery_v1_Update, Update__Output as _selvedge_discovery_v1_Update__Output } from '../../../selvedge/discovery/v1/Update.ts';
import type { AddressAnswer as _selvedge_discovery_v1_AddressAnswer, AddressAnswer__Output as _selvedge_discovery_v1_AddressAnswer__Output } from '../../../selvedge/discovery/v1/AddressAnswer.ts';

export interface ControlMessage {
  'welcome'?: (_selvedge_discovery_v1_Welcome | null);
  'update'?: (_selvedge_discovery_v1_Update | null);
  'addressAnswer'?: (_selvedge_discovery_v1_AddressAnswer | null);
  'message'?: "welcome"|"update"|"addressAnswer";
}

export interface ControlMessage__Output {
  'welcome'?: (_selvedge_discovery_v1_Welcome__Output | null);
  'update'?: (_selvedge_discovery_v1_Update__Output | null);
  'addressAnswer'?: (_selvedge_discovery_v1_AddressAnswer__Output | null);
  'message'?: "welcome"|"update"|"addressAnswer";
}
