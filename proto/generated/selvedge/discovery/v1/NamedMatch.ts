// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface NamedMatch {
  'name'?: (string);
  'kind'?: (string);
  'value'?: (string);
}

export interface NamedMatch__Output {
  'name': (string);
  'kind': (string);
  'value': (string);
}
