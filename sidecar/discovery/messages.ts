import type { Result, ServiceKey, WorkloadKey } from '../../common/mod.ts'
import type { SnapshotProblem, SnapshotUpdate } from '../../model/snapshot/mod.ts'

/** What the workload beside this sidecar offers. */
export interface Registration {
  /** The IP address at which other sidecars reach this one. */
  readonly address: string
  /** `undefined`: nothing is served, the workload only calls others. */
  readonly inboundPort: number | undefined
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[]
  readonly labels: Readonly<Record<string, string>>
  readonly serviceAccount: string
  readonly zone: string
  /** Whether the application's port answers. */
  readonly ready: boolean
}

/** Versions of what is held, by the names of resources. The control plane makes both; here they are only kept and told again. */
export type HeldVersions = ReadonlyMap<string, string>

/** What this sidecar says. */
export type Outgoing =
  | {
      readonly kind: 'hello'
      readonly workload: WorkloadKey
      readonly programVersion: string
      readonly subscriptions: readonly ServiceKey[]
      readonly held: HeldVersions
      readonly registration: Registration
    }
  | { readonly kind: 'subscribe'; readonly add: readonly ServiceKey[]; readonly remove: readonly ServiceKey[] }
  | { readonly kind: 'ack'; readonly nonce: string }
  | { readonly kind: 'nack'; readonly nonce: string; readonly problems: readonly SnapshotProblem[] }
  | { readonly kind: 'readiness'; readonly ready: boolean }

/** What the control plane says. */
export type Incoming =
  | { readonly kind: 'welcome'; readonly controlPlane: string }
  | {
      readonly kind: 'update'
      readonly nonce: string
      readonly revision: string
      readonly content: Result<VersionedUpdate, readonly SnapshotProblem[]>
    }

export interface VersionedUpdate {
  readonly update: SnapshotUpdate
  readonly versions: HeldVersions
}
