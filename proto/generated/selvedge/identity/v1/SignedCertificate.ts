// Original file: proto/selvedge/identity/v1/identity.proto


export interface SignedCertificate {
  'chain'?: (Buffer | Uint8Array | string)[];
  'trustBundle'?: (Buffer | Uint8Array | string)[];
  'trustDomain'?: (string);
}

export interface SignedCertificate__Output {
  'chain': (Buffer)[];
  'trustBundle': (Buffer)[];
  'trustDomain': (string);
}
