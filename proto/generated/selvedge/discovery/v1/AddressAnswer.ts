// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface AddressAnswer {
  'address'?: (string);
  'service'?: (string);
  'instanceOf'?: (string)[];
}

export interface AddressAnswer__Output {
  'address': (string);
  'service': (string);
  'instanceOf': (string)[];
}
