// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface Readiness {
  'ready'?: (boolean);
}

export interface Readiness__Output {
  'ready': (boolean);
}
