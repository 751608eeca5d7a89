import type { DatabaseSync } from 'node:sqlite'
import type { ApiTokenRecord, ApiTokenRecords } from '../store.ts'
import type { Transactions } from './transactions.ts'

export class SqliteApiTokenRecords implements ApiTokenRecords {
  readonly #transactions: Transactions
  readonly #insert
  readonly #find
  readonly #all
  readonly #remove

  constructor(database: DatabaseSync, transactions: Transactions) {
    this.#transactions = transactions
    this.#insert = database.prepare(
      'INSERT INTO api_tokens (id, name, role, secret_sha256, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?)',
    )
    this.#find = database.prepare('SELECT * FROM api_tokens WHERE id = ?')
    this.#all = database.prepare('SELECT * FROM api_tokens ORDER BY created_ms, id')
    this.#remove = database.prepare('DELETE FROM api_tokens WHERE id = ?')
  }

  async insert({ id, name, role, secretSha256, createdMs, expiresMs }: ApiTokenRecord): Promise<void> {
    this.#transactions.runAlone(() => this.#insert.run(id, name, role, secretSha256, createdMs, expiresMs))
  }

  async find(id: string): Promise<ApiTokenRecord | undefined> {
    const row = this.#find.get(id)
    return row === undefined ? undefined : record(row)
  }

  async list(): Promise<readonly ApiTokenRecord[]> {
    return this.#all.all().map(record)
  }

  async remove(id: string): Promise<void> {
    this.#transactions.runAlone(() => this.#remove.run(id))
  }
}

function record(row: Record<string, unknown>): ApiTokenRecord {
  return {
    id: String(row.id),
    name: String(row.name),
    // Whatever else it may say, it may not write.
    role: row.role === 'write' ? 'write' : 'read',
    secretSha256: String(row.secret_sha256),
    createdMs: Number(row.created_ms),
    expiresMs: Number(row.expires_ms),
  }
}
