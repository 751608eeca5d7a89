// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface ValueMatch {
  'kind'?: (string);
  'value'?: (string);
}

export interface ValueMatch__Output {
  'kind': (string);
  'value': (string);
}
