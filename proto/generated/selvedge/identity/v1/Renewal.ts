// Original file: proto/selvedge/identity/v1/identity.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { RenewRequest as _selvedge_identity_v1_RenewRequest, RenewRequest__Output as _selvedge_identity_v1_RenewRequest__Output } from '../../../selvedge/identity/v1/RenewRequest.ts';
import type { SignedCertificate as _selvedge_identity_v1_SignedCertificate, SignedCertificate__Output as _selvedge_identity_v1_SignedCertificate__Output } from '../../../selvedge/identity/v1/SignedCertificate.ts';

export interface RenewalClient extends grpc.Client {
  Renew(argument: _selvedge_identity_v1_RenewRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  Renew(argument: _selvedge_identity_v1_RenewRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  Renew(argument: _selvedge_identity_v1_RenewRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  Renew(argument: _selvedge_identity_v1_RenewRequest, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  renew(argument: _selvedge_identity_v1_RenewRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  renew(argument: _selvedge_identity_v1_RenewRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  renew(argument: _selvedge_identity_v1_RenewRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  renew(argument: _selvedge_identity_v1_RenewRequest, callback: grpc.requestCallback<_selvedge_identity_v1_SignedCertificate__Output>): grpc.ClientUnaryCall;
  
}

export interface RenewalHandlers extends grpc.UntypedServiceImplementation {
  Renew: grpc.handleUnaryCall<_selvedge_identity_v1_RenewRequest__Output, _selvedge_identity_v1_SignedCertificate>;
  
}

export interface RenewalDefinition extends grpc.ServiceDefinition {
  Renew: MethodDefinition<_selvedge_identity_v1_RenewRequest, _selvedge_identity_v1_SignedCertificate, _selvedge_identity_v1_RenewRequest__Output, _selvedge_identity_v1_SignedCertificate__Output>
}
