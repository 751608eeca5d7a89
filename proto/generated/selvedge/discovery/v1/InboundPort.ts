// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { UpgradeLimit as _selvedge_discovery_v1_UpgradeLimit, UpgradeLimit__Output as _selvedge_discovery_v1_UpgradeLimit__Output } from '../../../selvedge/discovery/v1/UpgradeLimit.ts';

export interface InboundPort {
  'name'?: (string);
  'port'?: (number);
  'protocol'?: (string);
  'upgrades'?: (_selvedge_discovery_v1_UpgradeLimit | null);
}

export interface InboundPort__Output {
  'name': (string);
  'port': (number);
  'protocol': (string);
  'upgrades': (_selvedge_discovery_v1_UpgradeLimit__Output | null);
}
