// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface ServicePort {
  'port'?: (number);
  'name'?: (string);
  'protocol'?: (string);
}

export interface ServicePort__Output {
  'port': (number);
  'name': (string);
  'protocol': (string);
}
