// Original file: proto/selvedge/identity/v1/identity.proto


export interface EnrolRequest {
  'csr'?: (Buffer | Uint8Array | string);
  'joinToken'?: (string);
  'kubernetesToken'?: (string);
  'workload'?: (string);
  'attestation'?: "joinToken"|"kubernetesToken";
}

export interface EnrolRequest__Output {
  'csr': (Buffer);
  'joinToken'?: (string);
  'kubernetesToken'?: (string);
  'workload': (string);
  'attestation'?: "joinToken"|"kubernetesToken";
}
