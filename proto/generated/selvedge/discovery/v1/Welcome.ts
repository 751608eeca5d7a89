// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface Welcome {
  'protocolVersion'?: (number);
  'controlPlane'?: (string);
  'addresses'?: (boolean);
}

export interface Welcome__Output {
  'protocolVersion': (number);
  'controlPlane': (string);
  'addresses': (boolean);
}
