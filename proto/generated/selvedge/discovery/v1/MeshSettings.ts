// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface MeshSettings {
  'mtls'?: (string);
  'unknownDestinations'?: (string);
  'accessLog'?: (boolean);
  'traceSampling'?: (number | string);
  'requestTimeoutMs'?: (number);
  'retryAttempts'?: (number);
  '_requestTimeoutMs'?: "requestTimeoutMs";
}

export interface MeshSettings__Output {
  'mtls': (string);
  'unknownDestinations': (string);
  'accessLog': (boolean);
  'traceSampling': (number);
  'requestTimeoutMs'?: (number);
  'retryAttempts': (number);
  '_requestTimeoutMs'?: "requestTimeoutMs";
}
