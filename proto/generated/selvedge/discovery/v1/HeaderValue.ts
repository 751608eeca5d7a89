// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface HeaderValue {
  'name'?: (string);
  'value'?: (string);
}

export interface HeaderValue__Output {
  'name': (string);
  'value': (string);
}
