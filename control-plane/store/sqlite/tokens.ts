import type { DatabaseSync } from 'node:sqlite'
import type { JoinTokenRecord, TokenRecords } from '../../attestation/mod.ts'
import type { Transactions } from './transactions.ts'

export class SqliteTokenRecords implements TokenRecords {
  readonly #transactions: Transactions
  readonly #insert
  readonly #find
  readonly #take
  readonly #all
  readonly #remove

  constructor(database: DatabaseSync, transactions: Transactions) {
    this.#transactions = transactions
    this.#insert = database.prepare(
      'INSERT INTO tokens (id, secret_sha256, namespace, service_account, created_ms, expires_ms, uses_left) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    this.#find = database.prepare('SELECT * FROM tokens WHERE id = ?')
    this.#take = database.prepare(
      'UPDATE tokens SET uses_left = uses_left - 1 WHERE id = ? AND uses_left > 0 AND expires_ms > ?',
    )
    this.#all = database.prepare('SELECT * FROM tokens ORDER BY created_ms, id')
    this.#remove = database.prepare('DELETE FROM tokens WHERE id = ?')
  }

  async insert(record: JoinTokenRecord): Promise<void> {
    const { id, secretSha256, namespace, serviceAccount, createdMs, expiresMs, usesLeft } = record
    this.#transactions.runAlone(() =>
      this.#insert.run(id, secretSha256, namespace, serviceAccount, createdMs, expiresMs, usesLeft),
    )
  }

  async find(id: string): Promise<JoinTokenRecord | undefined> {
    const row = this.#find.get(id)
    return row === undefined ? undefined : record(row)
  }

  async takeUse(id: string, nowMs: number): Promise<boolean> {
    return this.#transactions.runAlone(() => Number(this.#take.run(id, nowMs).changes) === 1)
  }

  async list(): Promise<readonly JoinTokenRecord[]> {
    return this.#all.all().map(record)
  }

  async remove(id: string): Promise<void> {
    this.#transactions.runAlone(() => this.#remove.run(id))
  }
}

function record(row: Record<string, unknown>): JoinTokenRecord {
  return {
    id: String(row.id),
    secretSha256: String(row.secret_sha256),
    namespace: String(row.namespace),
    serviceAccount: String(row.service_account),
    createdMs: Number(row.created_ms),
    expiresMs: Number(row.expires_ms),
    usesLeft: Number(row.uses_left),
  }
}
