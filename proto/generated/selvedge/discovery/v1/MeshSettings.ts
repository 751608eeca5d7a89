// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface MeshSettings {
  'mtls'?: (string);
  'unknownDestinations'?: (string);
  'accessLog'?: (boolean);
  'traceSampling'?: (number | string);
  'requestTimeoutMs'?: (number);
  'retryAttempts'?: (number);
  'traceCollector'?: (string);
  'endTunnelsAtRenewal'?: (boolean);
  '_requestTimeoutMs'?: "requestTimeoutMs";
  '_traceCollector'?: "traceCollector";
}

export interface MeshSettings__Output {
  'mtls': (string);
  'unknownDestinations': (string);
  'accessLog': (boolean);
  'traceSampling': (number);
  'requestTimeoutMs'?: (number);
  'retryAttempts': (number);
  'traceCollector'?: (string);
  'endTunnelsAtRenewal': (boolean);
  '_requestTimeoutMs'?: "requestTimeoutMs";
  '_traceCollector'?: "traceCollector";
}
