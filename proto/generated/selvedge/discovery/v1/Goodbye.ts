// Original file: proto/selvedge/discovery/v1/discovery.proto


export interface Goodbye {
}

export interface Goodbye__Output {
}
