// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface Subscribe {
  'add'?: (string)[];
  'remove'?: (string)[];
}

export interface Subscribe__Output {
  'add': (string)[];
  'remove': (string)[];
}
