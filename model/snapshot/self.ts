import type { CollectorEndpoint, Port, ServiceKey, TrustDomain, WorkloadKey } from '../../common/mod.ts'
import type { Protocol, UpgradeLimit } from './service.ts'

/** What a sidecar knows of the workload that it stands beside, and of the mesh as a whole. */
export interface SelfSnapshot {
  readonly workload: WorkloadKey
  readonly namespace: string
  readonly serviceAccount: string
  readonly trustDomain: TrustDomain
  /** The Services that select this workload; empty for a pure client. Sorted. */
  readonly services: readonly ServiceKey[]
  /** The ports that the application listens on; only these are served inbound. */
  readonly ports: readonly InboundPort[]
  readonly mesh: MeshSettings
}

export interface InboundPort {
  readonly port: Port
  readonly name: string
  readonly protocol: Protocol
  /** What all Services that have this port allow. */
  readonly upgrades: UpgradeLimit | undefined
}

/** `MeshPolicy`, with the defaults filled in, as it holds for this workload's namespace. */
export interface MeshSettings {
  /** `permissive` lets plaintext in beside mTLS; `strict` closes it. */
  readonly mtls: 'strict' | 'permissive'
  /** What becomes of a destination that is not in the mesh. */
  readonly unknownDestinations: 'allow' | 'refuse'
  readonly accessLog: boolean
  /** Share of requests whose spans are kept, 0 to 1; errors are always kept. */
  readonly traceSampling: number
  /** Where spans are exported to, over OTLP; `undefined`: nowhere. */
  readonly traceCollector: CollectorEndpoint | undefined
  /** Milliseconds; `undefined` is no limit. Holds where no route says otherwise. */
  readonly requestTimeoutMs: number | undefined
  /** Retries without any route's policy; only connection failures count. */
  readonly retryAttempts: number
  /** What becomes of tunnels over mTLS when one of its certificates is renewed. */
  readonly tunnelsAtRenewal: 'keep' | 'end'
}
