import type { Result, SpiffeId, WorkloadKey } from '../../common/mod.ts'
import type { TokenRecords } from '../attestation/mod.ts'

/**
 * Where the control plane's state lives. Everything is asynchronous, so that a database behind a network fits as well as a file.
 *
 * A *revision* is the number of a committed transaction, of resources or of leases: one counter that only grows. Whoever holds the
 * answer of a commit can wait until the mesh has reached its revision. When a store that was in use is opened, the counter leaps to
 * the Unix time in milliseconds: numbers that were given out by the same store at a later time, of which a copy restored from a
 * backup knows nothing, are never given out for something else. Between two starts it grows by one.
 */
export interface Store {
  /** The newest revision; 0 before the first commit. */
  revision(): number
  read(ref: ResourceRef): Promise<StoredResource | undefined>
  /** All resources, or those of one kind, or of one namespace; sorted by kind, namespace and name. */
  list(kind?: string, namespace?: string): Promise<StoredResources>
  /**
   * Applies all changes in one transaction, or none. What is written with the content that it has already makes no new version; when
   * nothing changes at all, no revision is made. Each change leaves an audit record in the same transaction.
   */
  commit(changes: readonly StoreChange[], actor: string): Promise<Result<Committed, StoreError>>
  /** What `commit` would answer now, but for the revision, which stays the newest; nothing is changed. */
  preview(changes: readonly StoreChange[]): Promise<Result<Committed, StoreError>>
  /** Called after each commit that changed something, in order of revision, before `commit` answers. Returns the function that ends it. */
  onCommit(listener: (committed: Committed) => void): () => void
  /**
   * Calls `listener` for each commit that changed a resource after `fromRevision`, first those of the past, then those to come: in
   * order, without a gap and without a repeat. The first call comes after this has answered; what the listener throws ends nothing.
   * What changed nothing (`unchanged`, `absent`) is left out. Who reads a list, and watches from its revision, misses nothing.
   *
   * `expired`: changes after `fromRevision` are no longer kept, or this store never gave it out (it was restored from an older
   * copy). Read everything anew then. Answers the function that ends the watch.
   */
  watch(fromRevision: number, listener: (committed: Committed) => void): Promise<Result<() => void, HistoryExpired>>
  /**
   * One page of a list, as everything was at one revision, whatever has been written since: the state of then is worked out from the
   * history of changes. The first page names no revision and gets the newest; the next ones name the revision of the first, and the
   * last resource that they have. `expired` as for `watch`: the list must be read from its beginning.
   */
  page(query: PageQuery): Promise<Result<StoredPage, HistoryExpired>>
  readonly leases: LeaseRecords
  readonly tokens: TokenRecords
  readonly apiTokens: ApiTokenRecords
  readonly audit: AuditLog
  /** Which root this mesh has (SHA-256 of its public key, as join tokens pin it); `undefined` until one was pinned. */
  rootPin(): string | undefined
  /** Remembers the root, with an audit record. */
  pinRoot(pin: string, actor: string): Promise<Result<undefined, StoreError>>
  close(): Promise<void>
}

/** Names a resource. A kind belongs to one group, so that its name alone is enough; `namespace` is empty where a kind has none. */
export interface ResourceRef {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** A resource as it is kept. */
export interface StoredResource {
  readonly ref: ResourceRef
  /** What was written, as JSON values, without the fields that the store itself keeps. */
  readonly content: ResourceContent
  /** A UUID; a resource that is deleted and made again has another. */
  readonly uid: string
  /** The revision of its last change; what a writer names so as not to overwrite another's change. */
  readonly resourceVersion: number
  /** Unix time in milliseconds. */
  readonly createdMs: number
}

export type ResourceContent = Readonly<Record<string, unknown>>

export interface StoredResources {
  readonly revision: number
  readonly resources: readonly StoredResource[]
}

/** The history of changes doesn't reach from a revision to now. */
export interface HistoryExpired {
  readonly code: 'expired'
  /** The oldest revision from which changes are known. */
  readonly oldest: number
}

export interface PageQuery {
  readonly kind?: string | undefined
  readonly namespace?: string | undefined
  /** At least 1. */
  readonly limit: number
  /** @default the newest */
  readonly atRevision?: number | undefined
  /** Begins behind this one, which need not be there any more. @default with the first */
  readonly after?: ResourceRef | undefined
}

export interface StoredPage extends StoredResources {
  /** Whether anything comes after the last of these. */
  readonly more: boolean
}

/** `expectedResourceVersion`: `undefined` is whatever is there, 0 that nothing is there. */
export type StoreChange =
  | {
      readonly kind: 'put'
      readonly ref: ResourceRef
      readonly content: ResourceContent
      readonly expectedResourceVersion: number | undefined
    }
  | { readonly kind: 'delete'; readonly ref: ResourceRef; readonly expectedResourceVersion: number | undefined }

export interface Committed {
  readonly revision: number
  /** One for each change, in the same order. */
  readonly outcomes: readonly ChangeOutcome[]
}

/** `absent`: a deletion of what wasn't there. */
export type ChangeOutcome =
  | { readonly action: 'created'; readonly ref: ResourceRef; readonly after: StoredResource }
  | {
      readonly action: 'configured'
      readonly ref: ResourceRef
      readonly before: StoredResource
      readonly after: StoredResource
    }
  | { readonly action: 'unchanged'; readonly ref: ResourceRef; readonly after: StoredResource }
  | { readonly action: 'deleted'; readonly ref: ResourceRef; readonly before: StoredResource }
  | { readonly action: 'absent'; readonly ref: ResourceRef }

export type StoreError =
  /** Another writer came first. `current` is `undefined` where the resource isn't there. */
  | { readonly code: 'conflict'; readonly ref: ResourceRef; readonly current: number | undefined }
  /** The database doesn't take the write (its disk is full, read-only, gone). What was committed before can still be read. */
  | { readonly code: 'unavailable'; readonly message: string }

/** What a workload's sidecar told of it. */
export interface WorkloadRegistration {
  readonly address: string
  /** `undefined`: the sidecar has no inbound port, so that the workload only calls others. */
  readonly inboundPort: number | undefined
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[]
  readonly labels: Readonly<Record<string, string>>
  readonly serviceAccount: string
  readonly zone: string
  /** Whether the application's port answers. */
  readonly ready: boolean
}

/** A workload that lives as long as its sidecar's stream; kept so that a restart withdraws nothing. */
export interface LeaseRecord {
  readonly workload: WorkloadKey
  readonly spiffeId: SpiffeId
  readonly registration: WorkloadRegistration
}

export type LeaseChange =
  | { readonly kind: 'save'; readonly lease: LeaseRecord }
  | { readonly kind: 'remove'; readonly workload: WorkloadKey }

export interface LeaseRecords {
  /** All in one transaction, which is one revision: the one that is returned. */
  apply(changes: readonly LeaseChange[]): Promise<Result<number, StoreError>>
  list(): Promise<readonly LeaseRecord[]>
}

/** Who did what to what, and when. */
export interface AuditRecord {
  /** Grows by one with each record. */
  readonly id: number
  /** Unix time in milliseconds. */
  readonly atMs: number
  readonly actor: string
  /** `created`, `configured`, `deleted`, or another verb, such as `token-created`. */
  readonly action: string
  /** `Kind namespace/name`, or the name of what isn't a resource. */
  readonly subject: string
  readonly revision: number
  readonly before: ResourceContent | undefined
  readonly after: ResourceContent | undefined
}

export interface AuditEntry {
  readonly actor: string
  readonly action: string
  readonly subject: string
}

export interface AuditLog {
  /** For writes that are no resources; those of resources are recorded by `commit`. */
  record(entry: AuditEntry): Promise<void>
  /** The newest first, at most `limit`. */
  list(limit: number, which?: AuditFilter): Promise<readonly AuditRecord[]>
}

/** All that are given must hold. */
export interface AuditFilter {
  /** Records older than the one of this id. */
  readonly beforeId?: number | undefined
  /** Of this subject alone. */
  readonly subject?: string | undefined
  /** Of this revision alone. */
  readonly revision?: number | undefined
}

/** A bearer token of the API, other than the one in the data folder. */
export interface ApiTokenRecord {
  readonly id: string
  /** Whose it is. */
  readonly name: string
  readonly role: 'read' | 'write'
  /** The secret itself is kept nowhere. */
  readonly secretSha256: string
  /** Unix time in milliseconds, as is `expiresMs`. */
  readonly createdMs: number
  readonly expiresMs: number
}

export interface ApiTokenRecords {
  insert(record: ApiTokenRecord): Promise<void>
  find(id: string): Promise<ApiTokenRecord | undefined>
  /** The oldest first. */
  list(): Promise<readonly ApiTokenRecord[]>
  /** Of an id that isn't there: nothing. */
  remove(id: string): Promise<void>
}

/** Thrown by the writes that answer nothing (`tokens`, `audit`) where `commit` answers `unavailable`. The message says what to do. */
export class StoreUnavailable extends Error {}

/** `HTTPRoute bookshop/canary`: how a resource is called in answers and logs. */
export function refText(ref: ResourceRef): string {
  return ref.namespace === '' ? `${ref.kind} ${ref.name}` : `${ref.kind} ${ref.namespace}/${ref.name}`
}
