// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface MeshTls {
  'spiffeId'?: (string);
  'inboundPort'?: (number);
}

export interface MeshTls__Output {
  'spiffeId': (string);
  'inboundPort': (number);
}
