// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface Problem {
  'resource'?: (string);
  'field'?: (string);
  'message'?: (string);
}

export interface Problem__Output {
  'resource': (string);
  'field': (string);
  'message': (string);
}
