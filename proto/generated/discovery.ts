import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Ack as _selvedge_discovery_v1_Ack, Ack__Output as _selvedge_discovery_v1_Ack__Output } from './selvedge/discovery/v1/Ack.ts';
import type { AddressAnswer as _selvedge_discovery_v1_AddressAnswer, AddressAnswer__Output as _selvedge_discovery_v1_AddressAnswer__Output } from './selvedge/discovery/v1/AddressAnswer.ts';
import type { AddressQuestion as _selvedge_discovery_v1_AddressQuestion, AddressQuestion__Output as _selvedge_discovery_v1_AddressQuestion__Output } from './selvedge/discovery/v1/AddressQuestion.ts';
import type { Backend as _selvedge_discovery_v1_Backend, Backend__Output as _selvedge_discovery_v1_Backend__Output } from './selvedge/discovery/v1/Backend.ts';
import type { ControlMessage as _selvedge_discovery_v1_ControlMessage, ControlMessage__Output as _selvedge_discovery_v1_ControlMessage__Output } from './selvedge/discovery/v1/ControlMessage.ts';
import type { DiscoveryClient as _selvedge_discovery_v1_DiscoveryClient, DiscoveryDefinition as _selvedge_discovery_v1_DiscoveryDefinition } from './selvedge/discovery/v1/Discovery.ts';
import type { Endpoint as _selvedge_discovery_v1_Endpoint, Endpoint__Output as _selvedge_discovery_v1_Endpoint__Output } from './selvedge/discovery/v1/Endpoint.ts';
import type { Endpoints as _selvedge_discovery_v1_Endpoints, Endpoints__Output as _selvedge_discovery_v1_Endpoints__Output } from './selvedge/discovery/v1/Endpoints.ts';
import type { EndpointsChange as _selvedge_discovery_v1_EndpointsChange, EndpointsChange__Output as _selvedge_discovery_v1_EndpointsChange__Output } from './selvedge/discovery/v1/EndpointsChange.ts';
import type { Goodbye as _selvedge_discovery_v1_Goodbye, Goodbye__Output as _selvedge_discovery_v1_Goodbye__Output } from './selvedge/discovery/v1/Goodbye.ts';
import type { HeaderChange as _selvedge_discovery_v1_HeaderChange, HeaderChange__Output as _selvedge_discovery_v1_HeaderChange__Output } from './selvedge/discovery/v1/HeaderChange.ts';
import type { HeaderValue as _selvedge_discovery_v1_HeaderValue, HeaderValue__Output as _selvedge_discovery_v1_HeaderValue__Output } from './selvedge/discovery/v1/HeaderValue.ts';
import type { HeldResource as _selvedge_discovery_v1_HeldResource, HeldResource__Output as _selvedge_discovery_v1_HeldResource__Output } from './selvedge/discovery/v1/HeldResource.ts';
import type { Hello as _selvedge_discovery_v1_Hello, Hello__Output as _selvedge_discovery_v1_Hello__Output } from './selvedge/discovery/v1/Hello.ts';
import type { InboundPort as _selvedge_discovery_v1_InboundPort, InboundPort__Output as _selvedge_discovery_v1_InboundPort__Output } from './selvedge/discovery/v1/InboundPort.ts';
import type { MeshSettings as _selvedge_discovery_v1_MeshSettings, MeshSettings__Output as _selvedge_discovery_v1_MeshSettings__Output } from './selvedge/discovery/v1/MeshSettings.ts';
import type { MeshTls as _selvedge_discovery_v1_MeshTls, MeshTls__Output as _selvedge_discovery_v1_MeshTls__Output } from './selvedge/discovery/v1/MeshTls.ts';
import type { Nack as _selvedge_discovery_v1_Nack, Nack__Output as _selvedge_discovery_v1_Nack__Output } from './selvedge/discovery/v1/Nack.ts';
import type { NamedMatch as _selvedge_discovery_v1_NamedMatch, NamedMatch__Output as _selvedge_discovery_v1_NamedMatch__Output } from './selvedge/discovery/v1/NamedMatch.ts';
import type { PathChange as _selvedge_discovery_v1_PathChange, PathChange__Output as _selvedge_discovery_v1_PathChange__Output } from './selvedge/discovery/v1/PathChange.ts';
import type { PortPair as _selvedge_discovery_v1_PortPair, PortPair__Output as _selvedge_discovery_v1_PortPair__Output } from './selvedge/discovery/v1/PortPair.ts';
import type { Problem as _selvedge_discovery_v1_Problem, Problem__Output as _selvedge_discovery_v1_Problem__Output } from './selvedge/discovery/v1/Problem.ts';
import type { Readiness as _selvedge_discovery_v1_Readiness, Readiness__Output as _selvedge_discovery_v1_Readiness__Output } from './selvedge/discovery/v1/Readiness.ts';
import type { Redirect as _selvedge_discovery_v1_Redirect, Redirect__Output as _selvedge_discovery_v1_Redirect__Output } from './selvedge/discovery/v1/Redirect.ts';
import type { Registration as _selvedge_discovery_v1_Registration, Registration__Output as _selvedge_discovery_v1_Registration__Output } from './selvedge/discovery/v1/Registration.ts';
import type { RetryRule as _selvedge_discovery_v1_RetryRule, RetryRule__Output as _selvedge_discovery_v1_RetryRule__Output } from './selvedge/discovery/v1/RetryRule.ts';
import type { Rewrite as _selvedge_discovery_v1_Rewrite, Rewrite__Output as _selvedge_discovery_v1_Rewrite__Output } from './selvedge/discovery/v1/Rewrite.ts';
import type { RouteEntry as _selvedge_discovery_v1_RouteEntry, RouteEntry__Output as _selvedge_discovery_v1_RouteEntry__Output } from './selvedge/discovery/v1/RouteEntry.ts';
import type { RouteFilter as _selvedge_discovery_v1_RouteFilter, RouteFilter__Output as _selvedge_discovery_v1_RouteFilter__Output } from './selvedge/discovery/v1/RouteFilter.ts';
import type { RouteRule as _selvedge_discovery_v1_RouteRule, RouteRule__Output as _selvedge_discovery_v1_RouteRule__Output } from './selvedge/discovery/v1/RouteRule.ts';
import type { Self as _selvedge_discovery_v1_Self, Self__Output as _selvedge_discovery_v1_Self__Output } from './selvedge/discovery/v1/Self.ts';
import type { Service as _selvedge_discovery_v1_Service, Service__Output as _selvedge_discovery_v1_Service__Output } from './selvedge/discovery/v1/Service.ts';
import type { ServicePort as _selvedge_discovery_v1_ServicePort, ServicePort__Output as _selvedge_discovery_v1_ServicePort__Output } from './selvedge/discovery/v1/ServicePort.ts';
import type { ServiceTarget as _selvedge_discovery_v1_ServiceTarget, ServiceTarget__Output as _selvedge_discovery_v1_ServiceTarget__Output } from './selvedge/discovery/v1/ServiceTarget.ts';
import type { SidecarMessage as _selvedge_discovery_v1_SidecarMessage, SidecarMessage__Output as _selvedge_discovery_v1_SidecarMessage__Output } from './selvedge/discovery/v1/SidecarMessage.ts';
import type { Subscribe as _selvedge_discovery_v1_Subscribe, Subscribe__Output as _selvedge_discovery_v1_Subscribe__Output } from './selvedge/discovery/v1/Subscribe.ts';
import type { TrafficSettings as _selvedge_discovery_v1_TrafficSettings, TrafficSettings__Output as _selvedge_discovery_v1_TrafficSettings__Output } from './selvedge/discovery/v1/TrafficSettings.ts';
import type { Update as _selvedge_discovery_v1_Update, Update__Output as _selvedge_discovery_v1_Update__Output } from './selvedge/discovery/v1/Update.ts';
import type { UpgradeLimit as _selvedge_discovery_v1_UpgradeLimit, UpgradeLimit__Output as _selvedge_discovery_v1_UpgradeLimit__Output } from './selvedge/discovery/v1/UpgradeLimit.ts';
import type { ValueMatch as _selvedge_discovery_v1_ValueMatch, ValueMatch__Output as _selvedge_discovery_v1_ValueMatch__Output } from './selvedge/discovery/v1/ValueMatch.ts';
import type { Welcome as _selvedge_discovery_v1_Welcome, Welcome__Output as _selvedge_discovery_v1_Welcome__Output } from './selvedge/discovery/v1/Welcome.ts';
import type { WorkloadPort as _selvedge_discovery_v1_WorkloadPort, WorkloadPort__Output as _selvedge_discovery_v1_WorkloadPort__Output } from './selvedge/discovery/v1/WorkloadPort.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  selvedge: {
    discovery: {
      v1: {
        Ack: MessageTypeDefinition<_selvedge_discovery_v1_Ack, _selvedge_discovery_v1_Ack__Output>
        AddressAnswer: MessageTypeDefinition<_selvedge_discovery_v1_AddressAnswer, _selvedge_discovery_v1_AddressAnswer__Output>
        AddressQuestion: MessageTypeDefinition<_selvedge_discovery_v1_AddressQuestion, _selvedge_discovery_v1_AddressQuestion__Output>
        Backend: MessageTypeDefinition<_selvedge_discovery_v1_Backend, _selvedge_discovery_v1_Backend__Output>
        ControlMessage: MessageTypeDefinition<_selvedge_discovery_v1_ControlMessage, _selvedge_discovery_v1_ControlMessage__Output>
        Discovery: SubtypeConstructor<typeof grpc.Client, _selvedge_discovery_v1_DiscoveryClient> & { service: _selvedge_discovery_v1_DiscoveryDefinition }
        Endpoint: MessageTypeDefinition<_selvedge_discovery_v1_Endpoint, _selvedge_discovery_v1_Endpoint__Output>
        Endpoints: MessageTypeDefinition<_selvedge_discovery_v1_Endpoints, _selvedge_discovery_v1_Endpoints__Output>
        EndpointsChange: MessageTypeDefinition<_selvedge_discovery_v1_EndpointsChange, _selvedge_discovery_v1_EndpointsChange__Output>
        Goodbye: MessageTypeDefinition<_selvedge_discovery_v1_Goodbye, _selvedge_discovery_v1_Goodbye__Output>
        HeaderChange: MessageTypeDefinition<_selvedge_discovery_v1_HeaderChange, _selvedge_discovery_v1_HeaderChange__Output>
        HeaderValue: MessageTypeDefinition<_selvedge_discovery_v1_HeaderValue, _selvedge_discovery_v1_HeaderValue__Output>
        HeldResource: MessageTypeDefinition<_selvedge_discovery_v1_HeldResource, _selvedge_discovery_v1_HeldResource__Output>
        Hello: MessageTypeDefinition<_selvedge_discovery_v1_Hello, _selvedge_discovery_v1_Hello__Output>
        InboundPort: MessageTypeDefinition<_selvedge_discovery_v1_InboundPort, _selvedge_discovery_v1_InboundPort__Output>
        MeshSettings: MessageTypeDefinition<_selvedge_discovery_v1_MeshSettings, _selvedge_discovery_v1_MeshSettings__Output>
        MeshTls: MessageTypeDefinition<_selvedge_discovery_v1_MeshTls, _selvedge_discovery_v1_MeshTls__Output>
        Nack: MessageTypeDefinition<_selvedge_discovery_v1_Nack, _selvedge_discovery_v1_Nack__Output>
        NamedMatch: MessageTypeDefinition<_selvedge_discovery_v1_NamedMatch, _selvedge_discovery_v1_NamedMatch__Output>
        PathChange: MessageTypeDefinition<_selvedge_discovery_v1_PathChange, _selvedge_discovery_v1_PathChange__Output>
        PortPair: MessageTypeDefinition<_selvedge_discovery_v1_PortPair, _selvedge_discovery_v1_PortPair__Output>
        Problem: MessageTypeDefinition<_selvedge_discovery_v1_Problem, _selvedge_discovery_v1_Problem__Output>
        Readiness: MessageTypeDefinition<_selvedge_discovery_v1_Readiness, _selvedge_discovery_v1_Readiness__Output>
        Redirect: MessageTypeDefinition<_selvedge_discovery_v1_Redirect, _selvedge_discovery_v1_Redirect__Output>
        Registration: MessageTypeDefinition<_selvedge_discovery_v1_Registration, _selvedge_discovery_v1_Registration__Output>
        RetryRule: MessageTypeDefinition<_selvedge_discovery_v1_RetryRule, _selvedge_discovery_v1_RetryRule__Output>
        Rewrite: MessageTypeDefinition<_selvedge_discovery_v1_Rewrite, _selvedge_discovery_v1_Rewrite__Output>
        RouteEntry: MessageTypeDefinition<_selvedge_discovery_v1_RouteEntry, _selvedge_discovery_v1_RouteEntry__Output>
        RouteFilter: MessageTypeDefinition<_selvedge_discovery_v1_RouteFilter, _selvedge_discovery_v1_RouteFilter__Output>
        RouteRule: MessageTypeDefinition<_selvedge_discovery_v1_RouteRule, _selvedge_discovery_v1_RouteRule__Output>
        Self: MessageTypeDefinition<_selvedge_discovery_v1_Self, _selvedge_discovery_v1_Self__Output>
        Service: MessageTypeDefinition<_selvedge_discovery_v1_Service, _selvedge_discovery_v1_Service__Output>
        ServicePort: MessageTypeDefinition<_selvedge_discovery_v1_ServicePort, _selvedge_discovery_v1_ServicePort__Output>
        ServiceTarget: MessageTypeDefinition<_selvedge_discovery_v1_ServiceTarget, _selvedge_discovery_v1_ServiceTarget__Output>
        SidecarMessage: MessageTypeDefinition<_selvedge_discovery_v1_SidecarMessage, _selvedge_discovery_v1_SidecarMessage__Output>
        Subscribe: MessageTypeDefinition<_selvedge_discovery_v1_Subscribe, _selvedge_discovery_v1_Subscribe__Output>
        TrafficSettings: MessageTypeDefinition<_selvedge_discovery_v1_TrafficSettings, _selvedge_discovery_v1_TrafficSettings__Output>
        Update: MessageTypeDefinition<_selvedge_discovery_v1_Update, _selvedge_discovery_v1_Update__Output>
        UpgradeLimit: MessageTypeDefinition<_selvedge_discovery_v1_UpgradeLimit, _selvedge_discovery_v1_UpgradeLimit__Output>
        ValueMatch: MessageTypeDefinition<_selvedge_discovery_v1_ValueMatch, _selvedge_discovery_v1_ValueMatch__Output>
        Welcome: MessageTypeDefinition<_selvedge_discovery_v1_Welcome, _selvedge_discovery_v1_Welcome__Output>
        WorkloadPort: MessageTypeDefinition<_selvedge_discovery_v1_WorkloadPort, _selvedge_discovery_v1_WorkloadPort__Output>
      }
    }
  }
}

