// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { UpgradeLimit as _selvedge_discovery_v1_UpgradeLimit, UpgradeLimit__Output as _selvedge_discovery_v1_UpgradeLimit__Output } from '../../../selvedge/discovery/v1/UpgradeLimit.ts';

export interface TrafficSettings {
  'policy'?: (string);
  'connectionsMax'?: (number);
  'pendingMax'?: (number);
  'requestsMax'?: (number);
  'outlierConsecutiveErrors'?: (number);
  'outlierBaseEjectionMs'?: (number);
  'outlierEjectedPercentMax'?: (number);
  'outlierHealthyPercentMin'?: (number);
  'retryBudgetPercent'?: (number | string);
  'retryBudgetMinPerSecond'?: (number | string);
  'retryBudgetWindowMs'?: (number);
  'connectTimeoutMs'?: (number);
  'upgrades'?: (_selvedge_discovery_v1_UpgradeLimit | null);
  'keepsNameCase'?: (boolean);
  '_policy'?: "policy";
}

export interface TrafficSettings__Output {
  'policy'?: (string);
  'connectionsMax': (number);
  'pendingMax': (number);
  'requestsMax': (number);
  'outlierConsecutiveErrors': (number);
  'outlierBaseEjectionMs': (number);
  'outlierEjectedPercentMax': (number);
  'outlierHealthyPercentMin': (number);
  'retryBudgetPercent': (number);
  'retryBudgetMinPerSecond': (number);
  'retryBudgetWindowMs': (number);
  'connectTimeoutMs': (number);
  'upgrades': (_selvedge_discovery_v1_UpgradeLimit__Output | null);
  'keepsNameCase': (boolean);
  '_policy'?: "policy";
}
