import type { DatabaseSync } from 'node:sqlite'
import { ok, type Result, type SpiffeId, type WorkloadKey } from '../../../common/mod.ts'
import type { LeaseChange, LeaseRecord, LeaseRecords, StoreError, WorkloadRegistration } from '../store.ts'
import type { Transactions } from './transactions.ts'

export class SqliteLeaseRecords implements LeaseRecords {
  readonly #transactions: Transactions
  readonly #save
  readonly #remove
  readonly #all

  constructor(database: DatabaseSync, transactions: Transactions) {
    this.#transactions = transactions
    this.#save = database.prepare(`INSERT INTO leases (workload, spiffe_id, registration) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET spiffe_id = excluded.spiffe_id, registration = excluded.registration`)
    this.#remove = database.prepare('DELETE FROM leases WHERE workload = ?')
    this.#all = database.prepare('SELECT * FROM leases ORDER BY workload')
  }

  async apply(changes: readonly LeaseChange[]): Promise<Result<number, StoreError>> {
    return this.#transactions.run(() => {
      for (const change of changes) {
        if (change.kind === 'remove') this.#remove.run(change.workload)
        else {
          const { workload, spiffeId, registration } = change.lease
          this.#save.run(workload, spiffeId, JSON.stringify(registration))
        }
      }
      return ok(this.#transactions.nextRevision())
    })
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
