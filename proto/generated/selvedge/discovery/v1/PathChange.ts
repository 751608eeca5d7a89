// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface PathChange {
  'kind'?: (string);
  'from'?: (string);
  'value'?: (string);
}

export interface PathChange__Output {
  'kind': (string);
  'from': (string);
  'value': (string);
}
