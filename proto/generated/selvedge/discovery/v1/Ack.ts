// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface Ack {
  'nonce'?: (string);
}

export interface Ack__Output {
  'nonce': (string);
}
