import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../../common/mod.ts'
import {
  type AuditEntry,
  type AuditFilter,
  type AuditLog,
  type AuditRecord,
  type ChangeOutcome,
  type Committed,
  type ResourceContent,
  type ResourceRef,
  refText,
  type StoredResource,
} from '../store.ts'
import type { Transactions } from './transactions.ts'

/** What is kept of the past: beyond either, the oldest records go. */
export interface HistoryLimits {
  /** At a write a minute, more than two months. */
  readonly recordsMax: number
  /** Contents before and after, in characters: a quarter of what the database may hold. The oldest record may reach beyond. */
  readonly bytesMax: number
}

export const HISTORY_LIMITS: HistoryLimits = { recordsMax: 100_000, bytesMax: 256 * 1024 ** 2 }

export interface AuditOptions {
  readonly clock: Clock
  readonly transactions: Transactions
  /** Changes after this revision are still being read. */
  readonly neededAfter: () => number
  readonly limits: HistoryLimits
}

type Change = Exclude<ChangeOutcome, { readonly action: 'unchanged' | 'absent' }>

/**
 * The audit records, which are the history of changes too: each holds the resource before and after. There is no bound in time: a
 * clock that jumps must not forget who did what.
 */
export class SqliteAuditLog implements AuditLog {
  readonly #options: AuditOptions
  readonly #insert
  readonly #oldest
  readonly #forget
  readonly #newest
  readonly #next

  constructor(database: DatabaseSync, options: AuditOptions) {
    this.#options = options
    this.#insert = database.prepare(
      `INSERT INTO audit (at_ms, actor, action, subject, revision, before, after,
         kind, namespace, name, uid, created_ms, before_version, bytes_so_far)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
         ? + COALESCE((SELECT bytes_so_far FROM audit ORDER BY id DESC LIMIT 1), 0))
       RETURNING id, bytes_so_far`,
    )
    this.#oldest = database.prepare('SELECT id, kind, revision, bytes_so_far FROM audit ORDER BY id LIMIT 1')
    this.#forget = database.prepare('DELETE FROM audit WHERE id = ?')
    this.#newest = database.prepare(
      `SELECT * FROM audit WHERE id < $beforeId AND ($subject IS NULL OR subject = $subject)
       AND ($revision IS NULL OR revision = $revision) ORDER BY id DESC LIMIT $limit`,
    )
    this.#next = database.prepare(
      `SELECT * FROM audit WHERE kind IS NOT NULL
       AND revision = (SELECT MIN(revision) FROM audit WHERE kind IS NOT NULL AND revision > ?) ORDER BY id`,
    )
  }

  /** Within the transaction of the change that it records. */
  writeChange(change: Change, actor: string, revision: number): void {
    const before = 'before' in change ? change.before : undefined
    const after = 'after' in change ? change.after : undefined
    const of = after ?? before
    this.#write({ actor, action: change.action, subject: refText(change.ref), revision, before, after }, [
      change.ref.kind,
      change.ref.namespace,
      change.ref.name,
      of?.uid ?? null,
      of?.createdMs ?? null,
      before?.resourceVersion ?? null,
    ])
  }

  /** Within the transaction of what it records, which is no change of a resource. */
  write(entry: AuditEntry): void {
    const { revision } = this.#options.transactions
    this.#write({ ...entry, revision, before: undefined, after: undefined }, [null, null, null, null, null, null])
  }

  async record(entry: AuditEntry): Promise<void> {
    this.#options.transactions.runAlone(() => this.write(entry))
  }

  async list(limit: number, which: AuditFilter = {}): Promise<readonly AuditRecord[]> {
    const { beforeId = Number.MAX_SAFE_INTEGER, subject = null, revision = null } = which
    return this.#newest.all({ limit, beforeId, subject, revision }).map(row => ({
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

  /** The first commit after `revision`; `undefined` when there is none. */
  next(revision: number): Committed | undefined {
    const rows = this.#next.all(revision)
    const [first] = rows
    return first === undefined ? undefined : { revision: Number(first.revision), outcomes: rows.map(changeOf) }
  }

  #write(
    entry: {
      readonly actor: string
      readonly action: string
      readonly subject: string
      readonly revision: number
      readonly before: StoredResource | undefined
      readonly after: StoredResource | undefined
    },
    change: readonly (string | number | null)[],
  ): void {
    const before = entry.before === undefined ? null : JSON.stringify(entry.before.content)
    const after = entry.after === undefined ? null : JSON.stringify(entry.after.content)
    const bytes = (before?.length ?? 0) + (after?.length ?? 0) + entry.subject.length
    const atMs = Math.round(this.#options.clock.wallMs())
    const { actor, action, subject, revision } = entry
    const row = this.#insert.get(atMs, actor, action, subject, revision, before, after, ...change, bytes)
    this.#prune(Number(row?.id), Number(row?.bytes_so_far))
  }

  /** In the same transaction as what is written: what is kept never exceeds its bounds, and the floor is always true. */
  #prune(newestId: number, newestBytes: number): void {
    const { limits, neededAfter, transactions } = this.#options
    for (let row = this.#oldest.get(); row !== undefined; row = this.#oldest.get()) {
      const id = Number(row.id)
      const fits = id > newestId - limits.recordsMax && Number(row.bytes_so_far) > newestBytes - limits.bytesMax
      if (fits || id === newestId || Number(row.revision) > neededAfter()) return
      if (row.kind !== null) transactions.raiseFloor(Number(row.revision))
      this.#forget.run(id)
    }
  }
}

function changeOf(row: Record<string, unknown>): Change {
  const ref: ResourceRef = { kind: String(row.kind), namespace: String(row.namespace), name: String(row.name) }
  const resource = (text: unknown, version: unknown): StoredResource => ({
    ref,
    content: JSON.parse(String(text)) as ResourceContent,
    uid: String(row.uid),
    resourceVersion: Number(version),
    createdMs: Number(row.created_ms),
  })
  if (row.after === null) return { action: 'deleted', ref, before: resource(row.before, row.before_version) }
  const after = resource(row.after, row.revision)
  if (row.before === null) return { action: 'created', ref, after }
  return { action: 'configured', ref, before: resource(row.before, row.before_version), after }
}

function content(text: unknown): ResourceContent | undefined {
  return typeof text === 'string' ? (JSON.parse(text) as ResourceContent) : undefined
}
