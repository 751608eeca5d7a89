// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface UpgradeLimit {
  'protocols'?: (string)[];
  'by'?: (string);
}

export interface UpgradeLimit__Output {
  'protocols': (string)[];
  'by': (string);
}
