// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface HeldResource {
  'name'?: (string);
  'version'?: (string);
}

export interface HeldResource__Output {
  'name': (string);
  'version': (string);
}
