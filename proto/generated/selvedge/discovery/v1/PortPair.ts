// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface PortPair {
  'servicePort'?: (number);
  'appPort'?: (number);
}

export interface PortPair__Output {
  'servicePort': (number);
  'appPort': (number);
}
