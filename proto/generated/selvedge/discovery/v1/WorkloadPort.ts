// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface WorkloadPort {
  'name'?: (string);
  'port'?: (number);
  'protocol'?: (string);
}

export interface WorkloadPort__Output {
  'name': (string);
  'port': (number);
  'protocol': (string);
}
