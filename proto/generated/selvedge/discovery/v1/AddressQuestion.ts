// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface AddressQuestion {
  'address'?: (string);
}

export interface AddressQuestion__Output {
  'address': (string);
}
