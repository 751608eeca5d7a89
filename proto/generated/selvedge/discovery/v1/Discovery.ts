// Original file: proto/selvedge/discovery/v1/discovery.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ControlMessage as _selvedge_discovery_v1_ControlMessage, ControlMessage__Output as _selvedge_discovery_v1_ControlMessage__Output } from '../../../selvedge/discovery/v1/ControlMessage.ts';
import type { SidecarMessage as _selvedge_discovery_v1_SidecarMessage, SidecarMessage__Output as _selvedge_discovery_v1_SidecarMessage__Output } from '../../../selvedge/discovery/v1/SidecarMessage.ts';

export interface DiscoveryClient extends grpc.Client {
  Stream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_selvedge_discovery_v1_SidecarMessage, _selvedge_discovery_v1_ControlMessage__Output>;
  Stream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_selvedge_discovery_v1_SidecarMessage, _selvedge_discovery_v1_ControlMessage__Output>;
  stream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_selvedge_discovery_v1_SidecarMessage, _selvedge_discovery_v1_ControlMessage__Output>;
  stream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_selvedge_discovery_v1_SidecarMessage, _selvedge_discovery_v1_ControlMessage__Output>;
  
}

export interface DiscoveryHandlers extends grpc.UntypedServiceImplementation {
  Stream: grpc.handleBidiStreamingCall<_selvedge_discovery_v1_SidecarMessage__Output, _selvedge_discovery_v1_ControlMessage>;
  
}

export interface DiscoveryDefinition extends grpc.ServiceDefinition {
  Stream: MethodDefinition<_selvedge_discovery_v1_SidecarMessage, _selvedge_discovery_v1_ControlMessage, _selvedge_discovery_v1_SidecarMessage__Output, _selvedge_discovery_v1_ControlMessage__Output>
}
