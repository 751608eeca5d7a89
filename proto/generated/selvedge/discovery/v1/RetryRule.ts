// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface RetryRule {
  'attempts'?: (number);
  'codes'?: (number)[];
  'backoffMs'?: (number);
}

export interface RetryRule__Output {
  'attempts': (number);
  'codes': (number)[];
  'backoffMs': (number);
}
