import type { Port, ServiceKey, SpiffeId, WorkloadKey } from '../../common/mod.ts'

/** Where a Service's instances are, apart from its rules, because the two change at different times. Sorted by workload. */
export interface EndpointsSnapshot {
  readonly service: ServiceKey
  readonly endpoints: readonly Endpoint[]
}

export interface Endpoint {
  readonly workload: WorkloadKey
  /** An IP address. */
  readonly address: string
  readonly zone: string
  /** For each port of the Service, the application's port that it means. */
  readonly ports: readonly { readonly servicePort: Port; readonly appPort: Port }[]
  readonly tls: EndpointTls
}

/** Absence carries its reason: `not-in-mesh` is reached in plaintext, straight at the application's port. */
export type EndpointTls =
  | { readonly kind: 'mesh'; readonly spiffeId: SpiffeId; readonly inboundPort: Port }
  | { readonly kind: 'none'; readonly why: 'not-in-mesh' }
