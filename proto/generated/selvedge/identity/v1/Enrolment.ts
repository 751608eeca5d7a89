// Original file: proto/selvedge/identity/v1/identity.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { EnrolRequest as _selvedge_identity_v1_EnrolRequest, EnrolRequest__Output as _selvedge_identity_v1_EnrolRequest__Output } from '../../../selvedge/identity/v1/EnrolRequest.ts';
import type { SignedCertificate as _selvedge_identity_v1_SignedCertificate, SignedCertificate__Output as _selvedge_identity_v1_SignedCertificate__Output } from '../../../selvedge/identity/v1/SignedCertificate.ts';

export interface EnrolmentClient extends grpc.Client {
  Enrol(argument: _selvedge_identity_v1_EnrolRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  Enrol(argument: _selvedge_identity_v1_EnrolRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  Enrol(argument: _selvedge_identity_v1_EnrolRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  Enrol(argument: _selvedge_identity_v1_EnrolRequest, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  enrol(argument: _selvedge_identity_v1_EnrolRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  enrol(argument: _selvedge_identity_v1_EnrolRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  enrol(argument: _selvedge_identity_v1_EnrolRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  enrol(argument: _selvedge_identity_v1_EnrolRequest, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  
}

export interface EnrolmentHandlers extends grpc.UntypedServiceImplementation {
  Enrol: grpc.handleUnaryCall<_selvedge_identity_v1_EnrolRequest__Output, _selvedge_identity_v1_SignedCertificate>;
  
}

export interface EnrolmentDefinition extends grpc.ServiceDefinition {
  Enrol: MethodDefinition<_selvedge_identity_v1_EnrolRequest, _selvedge_identity_v1_SignedCertificate, _selvedge_identity_v1_EnrolRequest__Output, _selvedge_identity_v1_SignedCertificate__Output>
}
