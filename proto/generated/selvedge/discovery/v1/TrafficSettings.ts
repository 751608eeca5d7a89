// Original file: proto/selvedge/discovery/v1/discovery.proto


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
  '_policy'?: "policy";
}
