// Original file: proto/selvedge/discovery/v1/discovery.proto

import type { Hello as _selvedge_discovery_v1_Hello, Hello__Output as _selvedge_discovery_v1_Hello__Output } from '../../../selvedge/discovery/v1/Hello.ts';
import type { Subscribe as _selvedge_discovery_v1_Subscribe, Subscribe__Output as _selvedge_discovery_v1_Subscribe__Output } from '../../../selvedge/discovery/v1/Subscribe.ts';
import type { Ack as _selvedge_discovery_v1_Ack, Ack__Output as _selvedge_discovery_v1_Ack__Output } from '../../../selvedge/discovery/v1/Ack.ts';
import type { Nack as _selvedge_discovery_v1_Nack, Nack__Output as _selvedge_discovery_v1_Nack__Output } from '../../../selvedge/discovery/v1/Nack.ts';
import type { Readiness as _selvedge_discovery_v1_Readiness, Readiness__Output as _selvedge_discovery_v1_Readiness__Output } from '../../../selvedge/discovery/v1/Readiness.ts';
import type { Goodbye as _selvedge_discovery_v1_Goodbye, Goodbye__Output as _selvedge_discovery_v1_Goodbye__Output } from '../../../selvedge/discovery/v1/Goodbye.ts';
import type { AddressQuestion as _selvedge_discovery_v1_AddressQuestion, AddressQuestion__Output as _selvedge_discovery_v1_AddressQuestion__Output } from '../../../selvedge/discovery/v1/AddressQuestion.ts';

export interface SidecarMessage {
  'hello'?: (_selvedge_discovery_v1_Hello | null);
  'subscribe'?: (_selvedge_discovery_v1_Subscribe | null);
  'ack'?: (_selvedge_discovery_v1_Ack | null);
  'nack'?: (_selvedge_discovery_v1_Nack | null);
  'readiness'?: (_selvedge_discovery_v1_Readiness | null);
  'goodbye'?: (_selvedge_discovery_v1_Goodbye | null);
  'addressQuestion'?: (_selvedge_discovery_v1_AddressQuestion | null);
  'message'?: "hello"|"subscribe"|"ack"|"nack"|"readiness"|"goodbye"|"addressQuestion";
}

export interface SidecarMessage__Output {
  'hello'?: (_selvedge_discovery_v1_Hello__Output | null);
  'subscribe'?: (_selvedge_discovery_v1_Subscribe__Output | null);
  'ack'?: (_selvedge_discovery_v1_Ack__Output | null);
  'nack'?: (_selvedge_discovery_v1_Nack__Output | null);
  'readiness'?: (_selvedge_discovery_v1_Readiness__Output | null);
  'goodbye'?: (_selvedge_discovery_v1_Goodbye__Output | null);
  'addressQuestion'?: (_selvedge_discovery_v1_AddressQuestion__Output | null);
  'message'?: "hello"|"subscribe"|"ack"|"nack"|"readiness"|"goodbye"|"addressQuestion";
}
