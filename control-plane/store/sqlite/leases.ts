import type { DatabaseSync } from 'node:sqlite'
import { ok, type Result, type SpiffeId, type WorkloadKey } from '../../../common/mod.ts'
import type { LeaseChange, LeaseRecord, LeaseRecords, StoreError, WorkloadRegistration } from '../store.ts'
import { type RevisionCounter, transaction } from './transaction.ts'

export class SqliteLeaseRecords implements LeaseRecords {
  readonly #database: DatabaseSync
  readonly #revisions: RevisionCounter
  readonly #save
  readonly #remove
  readonly #all

  constructor(database: DatabaseSync, revisions: RevisionCounter) {
    this.#database = database
    this.#revisions = revisions
    this.#save = database.prepare('INSERT OR REPLACE INTO leases (workload, spiffe_id, registration) VALUES (?, ?, ?)')
    this.#remove = database.prepare('DELETE FROM leases WHERE workload = ?')
    this.#all = database.prepare('SELECT * FROM leases ORDER BY workload')
  }

  async apply(changes: readonly LeaseChange[]): Promise<Result<number, StoreError>> {
    const result = transaction(this.#database, () => {
      for (const change of changes) {
        if (change.kind === 'remove') this.#remove.run(change.workload)
        else {
          const { workload, spiffeId, registration } = change.lease
          this.#save.run(workload, spiffeId, JSON.stringify(registration))
        }
      }
      return ok(this.#revisions.next())
    })
    if (result.ok) this.#revisions.advance(result.value)
    return result
  }

  async list(): Promise<readonly LeaseRecord[]> {
    return this.#all.all().map(row => ({
      workload: String(row.workload) as WorkloadKey,
      spiffeId: String(row.spiffe_id) as SpiffeId,
      registration: registration(String(row.registration)),
    }))
  }
}

function registration(text: string): WorkloadRegistration {
  const { inboundPort, ...rest } = JSON.parse(text) as WorkloadRegistration
  // JSON has no `undefined`: the field is left out there.
  return { ...rest, inboundPort }
}
