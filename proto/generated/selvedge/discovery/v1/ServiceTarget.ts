// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface ServiceTarget {
  'service'?: (string);
  'port'?: (number);
}

export interface ServiceTarget__Output {
  'service': (string);
  'port': (number);
}
