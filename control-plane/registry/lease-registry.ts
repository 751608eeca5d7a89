import { err, ok, type Result, type WorkloadKey } from '../../common/mod.ts'
import type { WorkloadResource } from '../../model/resources/mod.ts'
import type { LeaseChange, LeaseRecord, LeaseRecords, StoreError } from '../store/mod.ts'
import { leaseWorkload } from './lease-workload.ts'
import type { LeaseHandle, LeaseRegistry } from './registry.ts'

/** How long a sidecar may be away before its workload is withdrawn: one reconnect with its backoff; a killed service is gone within 2 s. */
export const LEASE_GRACE_MS = 1_500
/** How long after its own start the control plane waits for the sidecars of its former life. */
export const RESTART_GRACE_MS = 10_000
/** Leases at once; each is a row, a resource and an endpoint that its callers are told of. */
const LEASES_MAX = 20_000
/** What the store did not take is tried again: somebody makes room on a full disk within minutes, and is not waited for in a loop. */
const RETRY_MS = 5_000

export interface RegistryOptions {
  readonly records: LeaseRecords
  /** Takes what is leased into the world. `revision` is `undefined` when the store did not take it. */
  readonly show: (
    changes: readonly (
      | { readonly kind: 'put'; readonly workload: WorkloadResource }
      | { readonly kind: 'remove'; readonly workload: WorkloadKey }
    )[],
    revision: number | undefined,
  ) => void
  /** Whether a user wrote a Workload of this name. */
  readonly isWritten: (workload: WorkloadKey) => boolean
  readonly warn: (message: string) => void
  /** How long a sidecar may be away before its workload is withdrawn; `LEASE_GRACE_MS` unless somebody knows better. */
  readonly graceMs: number
  /** The same for what was restored, from our own start on; `RESTART_GRACE_MS` unless somebody knows better. */
  readonly restartGraceMs: number
}

export interface OpenRegistry extends LeaseRegistry {
  /** Streams that end from now on withdraw nothing: it is the control plane that goes, not the workloads. */
  close(): Promise<void>
}

/** Begins with the leases that the store kept: all are offered as they were, and each has the restart's grace to come back. */
export async function openLeaseRegistry(options: RegistryOptions): Promise<OpenRegistry> {
  const registry = new Registry(options)
  registry.restore(await options.records.list())
  return registry
}

/** A lease is held by one stream, or by a timer that will withdraw it. */
type Hold =
  | { readonly by: 'stream'; readonly handle: LeaseHandle }
  | { readonly by: 'grace'; readonly timer: NodeJS.Timeout }

interface Lease {
  record: LeaseRecord
  hold: Hold
}

interface PendingChange {
  readonly change: LeaseChange
  readonly shown: WorkloadResource | undefined
}

class Registry implements OpenRegistry {
  readonly #options: RegistryOptions
  readonly #leases = new Map<WorkloadKey, Lease>()
  /** What is not written yet; of several changes of one lease the last counts. */
  #pending = new Map<WorkloadKey, PendingChange>()
  /** What the store did not take: its disk is full. Of each lease the newest state. */
  readonly #unsaved = new Map<WorkloadKey, LeaseChange>()
  #retry: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined
  #closed = false

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  restore(records: readonly LeaseRecord[]): void {
    const restored = []
    for (const record of records) {
      const workload = leaseWorkload(record)
      if (!workload.ok) {
        this.#options.warn(workload.error)
        this.#put(record.workload, { kind: 'remove', workload: record.workload }, undefined)
        continue
      }
      const hold = this.#grace(record.workload, this.#options.restartGraceMs)
      this.#leases.set(record.workload, { record, hold })
      restored.push({ kind: 'put', workload: workload.value } as const)
    }
    if (restored.length > 0) this.#options.show(restored, undefined)
  }

  attach(record: LeaseRecord): Result<LeaseHandle, string> {
    const key = record.workload
    if (this.#closed) return err(`Cannot register ${key}: the control plane is closing. Connect again.`)
    if (this.#options.isWritten(key)) {
      return err(
        `Cannot register ${key}: a Workload of this name was written by a user. Delete it, or use another name.`,
      )
    }
    const held = this.#leases.get(key)
    if (held !== undefined && held.record.spiffeId !== record.spiffeId) {
      return err(
        `Cannot register ${key}: ${held.record.spiffeId} holds the name. Use another name, or end that sidecar.`,
      )
    }
    if (held === undefined && this.#leases.size >= LEASES_MAX) {
      return err(`Cannot register ${key}: there are ${LEASES_MAX} workloads already. End some, or add a control plane.`)
    }
    const workload = leaseWorkload(record)
    if (!workload.ok) return workload
    if (held?.hold.by === 'grace') clearTimeout(held.hold.timer)
    const handle = this.#handle(key)
    this.#leases.set(key, { record, hold: { by: 'stream', handle } })
    // A sidecar that comes back with what it had changes nothing.
    if (held === undefined || !sameRegistration(held.record, record)) this.#save(record, workload.value)
    return ok(handle)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    for (const { hold } of this.#leases.values()) if (hold.by === 'grace') clearTimeout(hold.timer)
    await this.#flush()
  }

  #handle(key: WorkloadKey): LeaseHandle {
    const heldBy = (): Lease | undefined => {
      const lease = this.#leases.get(key)
      return !this.#closed && lease?.hold.by === 'stream' && lease.hold.handle === handle ? lease : undefined
    }
    const handle: LeaseHandle = {
      setReady: ready => {
        const lease = heldBy()
        if (lease === undefined || lease.record.registration.ready === ready) return
        lease.record = { ...lease.record, registration: { ...lease.record.registration, ready } }
        const workload = leaseWorkload(lease.record)
        if (workload.ok) this.#save(lease.record, workload.value)
      },
      detach: () => {
        const lease = heldBy()
        if (lease !== undefined) lease.hold = this.#grace(key, this.#options.graceMs)
      },
    }
    return handle
  }

  #grace(key: WorkloadKey, graceMs: number): Hold {
    const timer = setTimeout(() => {
      this.#leases.delete(key)
      this.#put(key, { kind: 'remove', workload: key }, undefined)
    }, graceMs)
    return { by: 'grace', timer }
  }

  #save(lease: LeaseRecord, shown: WorkloadResource): void {
    this.#put(lease.workload, { kind: 'save', lease }, shown)
  }

  #put(key: WorkloadKey, change: LeaseChange, shown: WorkloadResource | undefined): void {
    this.#pending.set(key, { change, shown })
    // All that one turn of the event loop brings is one transaction: a thousand sidecars that arrive together are few.
    this.#flushing ??= new Promise<void>(resolve => setImmediate(resolve)).then(() => this.#flush())
  }

  async #flush(): Promise<void> {
    do {
      const batch = [...this.#pending]
      this.#pending = new Map()
      for (const [key, { change }] of batch) this.#unsaved.set(key, change)
      if (this.#unsaved.size === 0) break
      const kept = await this.#options.records.apply([...this.#unsaved.values()])
      if (kept.ok) this.#unsaved.clear()
      else this.#retryLater(kept.error)
      this.#options.show(
        batch.map(([, { change, shown }]) =>
          shown !== undefined
            ? { kind: 'put', workload: shown }
            : { kind: 'remove', workload: change.kind === 'remove' ? change.workload : change.lease.workload },
        ),
        kept.ok ? kept.value : undefined,
      )
    } while (this.#pending.size > 0)
    this.#flushing = undefined
  }

  /** The mesh shows it already; for the next start it must be kept, too. */
  #retryLater(error: StoreError): void {
    if (error.code === 'unavailable') this.#options.warn(error.message)
    if (this.#closed) return
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => {
      this.#flushing ??= this.#flush()
    }, RETRY_MS)
  }
}

function sameRegistration(a: LeaseRecord, b: LeaseRecord): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))
}

/** Labels come off the wire in any order. */
function canonical({ registration }: LeaseRecord): unknown {
  const { labels, address, inboundPort, ports, serviceAccount, zone, ready } = registration
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
  return [sorted, address, inboundPort, ports.map(p => [p.name, p.port, p.protocol]), serviceAccount, zone, ready]
}
