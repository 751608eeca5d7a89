import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../../common/mod.ts'
import {
  type AuditLog,
  type AuditRecord,
  type ChangeOutcome,
  type Committed,
  type ResourceContent,
  type ResourceRef,
  refText,
  type StoredResource,
} from '../store.ts'
import { writeAlone } from './transaction.ts'

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
  readonly revision: () => number
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
  readonly #database: DatabaseSync
  readonly #options: AuditOptions
  readonly #insert
  readonly #oldest
  readonly #forget
  readonly #raiseFloor
  readonly #floor
  readonly #newest
  readonly #next

  constructor(database: DatabaseSync, options: AuditOptions) {
    this.#database = database
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
    this.#raiseFloor = database.prepare("UPDATE meta SET value = ?1 WHERE key = 'history_floor' AND value < ?1")
    this.#floor = database.prepare("SELECT value FROM meta WHERE key = 'history_floor'")
    this.#newest = database.prepare('SELECT * FROM audit ORDER BY id DESC LIMIT ?')
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

  async record(entry: { readonly actor: string; readonly action: string; readonly subject: string }): Promise<void> {
    const revision = this.#options.revision()
    writeAlone(this.#database, () =>
      this.#write({ ...entry, revision, before: undefined, after: undefined }, [null, null, null, null, null, null]),
    )
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

  /** The newest revision of which a change has been forgotten: from here on, all are known. */
  floor(): number {
    return Number(this.#floor.get()?.value)
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
    const { limits, neededAfter } = this.#options
    for (let row = this.#oldest.get(); row !== undefined; row = this.#oldest.get()) {
      const id = Number(row.id)
      const fits = id > newestId - limits.recordsMax && Number(row.bytes_so_far) > newestBytes - limits.bytesMax
      if (fits || id === newestId || Number(row.revision) > neededAfter()) return
      if (row.kind !== null) this.#raiseFloor.run(Number(row.revision))
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
