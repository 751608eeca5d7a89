import type { ServiceKey, WorkloadKey } from '../../common/mod.ts'
import type { SnapshotProblem } from '../../model/snapshot/mod.ts'
import type { LeaseRegistry } from '../registry/mod.ts'
import type { ContentVersion, EndpointsChange, ResourceName, Resources } from '../snapshots/mod.ts'

/** What a sidecar's workload offers. */
export type WorkloadRegistration = Parameters<LeaseRegistry['attach']>[0]['registration']

/** What a sidecar says, parsed. */
export type SidecarMessage =
  | HelloMessage
  | { readonly kind: 'subscribe'; readonly add: readonly ServiceKey[]; readonly remove: readonly ServiceKey[] }
  | { readonly kind: 'ack'; readonly nonce: string }
  | {
      readonly kind: 'nack'
      readonly nonce: string
      readonly problems: readonly SnapshotProblem[]
      /** What the update builds on, and the sidecar does not hold. */
      readonly lost: readonly ResourceName[]
    }
  | { readonly kind: 'readiness'; readonly ready: boolean }
  | { readonly kind: 'goodbye' }
  /** Whose this IP address is. */
  | { readonly kind: 'address'; readonly address: string }

export interface HelloMessage {
  readonly kind: 'hello'
  readonly protocolVersion: number
  readonly workload: WorkloadKey
  readonly namespace: string
  readonly programVersion: string
  readonly subscriptions: readonly ServiceKey[]
  readonly held: ReadonlyMap<ResourceName, ContentVersion>
  readonly registration: WorkloadRegistration
  /** The newest revision that the sidecar has applied; 0 before the first. */
  readonly revision: number
  /** It takes changes of endpoints in the place of whole lists. */
  readonly endpointChanges: boolean
}

/** What goes to a sidecar in one step. Without resources it says "you are up to date". */
export interface OutgoingUpdate {
  readonly nonce: string
  readonly revision: number
  readonly resources: Resources
  /** Those of the endpoints among them that are sent as the change from what the sidecar holds. */
  readonly changes: ReadonlyMap<ResourceName, EndpointsChange>
}
