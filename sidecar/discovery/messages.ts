import type { Result, ServiceKey, WorkloadKey } from '../../common/mod.ts'
import type { AddressOwner, Endpoint, SnapshotProblem, SnapshotUpdate } from '../../model/snapshot/mod.ts'

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
      /** The newest that was applied; empty before the first. */
      readonly revision: string
    }
  | { readonly kind: 'subscribe'; readonly add: readonly ServiceKey[]; readonly remove: readonly ServiceKey[] }
  | { readonly kind: 'ack'; readonly nonce: string }
  | {
      readonly kind: 'nack'
      readonly nonce: string
      readonly problems: readonly SnapshotProblem[]
      /** What the update builds on and is not held; names of resources. */
      readonly lost: readonly string[]
    }
  | { readonly kind: 'readiness'; readonly ready: boolean }
  | { readonly kind: 'goodbye' }
  /** Whose this IP address is. */
  | { readonly kind: 'address'; readonly address: string }

/** What the control plane says. */
export type Incoming =
  /** `addresses`: it answers whose an address is. */
  | { readonly kind: 'welcome'; readonly controlPlane: string; readonly addresses: boolean }
  | { readonly kind: 'address'; readonly address: string; readonly owner: AddressOwner }
  | {
      readonly kind: 'update'
      readonly nonce: string
      readonly revision: string
      readonly content: Result<ReceivedUpdate, readonly SnapshotProblem[]>
    }

/** An update as it came: with changes that mean something only to who holds their base. */
export interface ReceivedUpdate extends VersionedUpdate {
  readonly changes: readonly EndpointsChange[]
}

/** What takes a Service's endpoints from the version `base` to the one that the update's versions name. */
export interface EndpointsChange {
  readonly service: ServiceKey
  readonly base: string
  readonly put: readonly Endpoint[]
  readonly removed: readonly WorkloadKey[]
}

export interface VersionedUpdate {
  readonly update: SnapshotUpdate
  readonly versions: HeldVersions
}
