import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { EnrolRequest as _selvedge_identity_v1_EnrolRequest, EnrolRequest__Output as _selvedge_identity_v1_EnrolRequest__Output } from './selvedge/identity/v1/EnrolRequest.ts';
import type { EnrolmentClient as _selvedge_identity_v1_EnrolmentClient, EnrolmentDefinition as _selvedge_identity_v1_EnrolmentDefinition } from './selvedge/identity/v1/Enrolment.ts';
import type { RenewRequest as _selvedge_identity_v1_RenewRequest, RenewRequest__Output as _selvedge_identity_v1_RenewRequest__Output } from './selvedge/identity/v1/RenewRequest.ts';
import type { RenewalClient as _selvedge_identity_v1_RenewalClient, RenewalDefinition as _selvedge_identity_v1_RenewalDefinition } from './selvedge/identity/v1/Renewal.ts';
import type { SignedCertificate as _selvedge_identity_v1_SignedCertificate, SignedCertificate__Output as _selvedge_identity_v1_SignedCertificate__Output } from './selvedge/identity/v1/SignedCertificate.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  selvedge: {
    identity: {
      v1: {
        EnrolRequest: MessageTypeDefinition<_selvedge_identity_v1_EnrolRequest, _selvedge_identity_v1_EnrolRequest__Output>
        Enrolment: SubtypeConstructor<typeof grpc.Client, _selvedge_identity_v1_EnrolmentClient> & { service: _selvedge_identity_v1_EnrolmentDefinition }
        RenewRequest: MessageTypeDefinition<_selvedge_identity_v1_RenewRequest, _selvedge_identity_v1_RenewRequest__Output>
        Renewal: SubtypeConstructor<typeof grpc.Client, _selvedge_identity_v1_RenewalClient> & { service: _selvedge_identity_v1_RenewalDefinition }
        SignedCertificate: MessageTypeDefinition<_selvedge_identity_v1_SignedCertificate, _selvedge_identity_v1_SignedCertificate__Output>
      }
    }
  }
}

