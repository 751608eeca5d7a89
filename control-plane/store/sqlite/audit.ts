import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../../common/mod.ts'
import type { AuditLog, AuditRecord, ResourceContent } from '../store.ts'
import { writeAlone } from './transaction.ts'

/** The newest that are kept: at a write a minute, more than two months; at 2 KB a record, some 200 MB at most. */
const AUDIT_RECORDS_MAX = 100_000

export interface AuditEntry {
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly revision: number
  readonly before?: ResourceContent
  readonly after?: ResourceContent
}

export class SqliteAuditLog implements AuditLog {
  readonly #clock: Clock
  readonly #revision: () => number
  readonly #insert
  readonly #prune
  readonly #newest

  constructor(database: DatabaseSync, clock: Clock, revision: () => number) {
    this.#clock = clock
    this.#revision = revision
    this.#insert = database.prepare(
      'INSERT INTO audit (at_ms, actor, action, subject, revision, before, after) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id',
    )
    this.#prune = database.prepare('DELETE FROM audit WHERE id <= ?')
    this.#newest = database.prepare('SELECT * FROM audit ORDER BY id DESC LIMIT ?')
  }

  /** Within the transaction of what it records. */
  write(entry: AuditEntry): void {
    const { actor, action, subject, revision, before, after } = entry
    const row = this.#insert.get(
      Math.round(this.#clock.wallMs()),
      actor,
      action,
      subject,
      revision,
      before === undefined ? null : JSON.stringify(before),
      after === undefined ? null : JSON.stringify(after),
    )
    this.#prune.run(Number(row?.id) - AUDIT_RECORDS_MAX)
  }

  async record(entry: { readonly actor: string; readonly action: string; readonly subject: string }): Promise<void> {
    writeAlone(() => this.write({ ...entry, revision: this.#revision() }))
  }

  async list(limit: number): Promise<readonly AuditRecord[]> {
    return this.#newest.all(limit).map(row => ({
      id: Number(row.id),
      atMs: Number(row.at_ms),
      actor: String(row.actor),
      action: String(row.action),
      subject: String(row.subject),
      revision: Number(row.revision),
      before: content(row.before),
      after: content(row.after),
    }))
  }
}

function content(text: unknown): ResourceContent | undefined {
  return typeof text === 'string' ? (JSON.parse(text) as ResourceContent) : undefined
}
