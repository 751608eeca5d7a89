// Original file: proto/selvedge/identity/v1/identity.proto


export interface RenewRequest {
  'csr'?: (Buffer | Uint8Array | string);
  'workload'?: (string);
}

export interface RenewRequest__Output {
  'csr': (Buffer);
  'workload': (string);
}
