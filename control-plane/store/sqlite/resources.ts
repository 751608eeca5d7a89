import { randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { type Clock, err, ok, type Result } from '../../../common/mod.ts'
import { contentDigest } from '../content-digest.ts'
import type {
  ChangeOutcome,
  Committed,
  PageQuery,
  ResourceContent,
  ResourceRef,
  StoreChange,
  StoredPage,
  StoredResource,
  StoreError,
} from '../store.ts'
import type { SqliteAuditLog } from './audit.ts'
import type { Transactions } from './transactions.ts'

const WANTED = `($kind IS NULL OR kind = $kind) AND ($namespace IS NULL OR namespace = $namespace)
  AND (kind, namespace, name) > ($afterKind, $afterNamespace, $afterName)`

const PAGE = `
  SELECT kind, namespace, name, uid, resource_version, created_ms, content FROM resources
  WHERE resource_version <= $revision AND ${WANTED}
  UNION ALL
  SELECT kind, namespace, name, uid, before_version, created_ms, before FROM audit
  WHERE before IS NOT NULL AND id IN (
    SELECT MIN(id) FROM audit WHERE kind IS NOT NULL AND revision > $revision AND ${WANTED} GROUP BY kind, namespace, name
  )
  ORDER BY kind, namespace, name LIMIT $limit`

export class SqliteResources {
  readonly #transactions: Transactions
  readonly #audit: SqliteAuditLog
  readonly #clock: Clock
  readonly #read
  readonly #write
  readonly #remove
  readonly #list
  readonly #page

  constructor(database: DatabaseSync, transactions: Transactions, audit: SqliteAuditLog, clock: Clock) {
    this.#transactions = transactions
    this.#audit = audit
    this.#clock = clock
    this.#read = database.prepare('SELECT * FROM resources WHERE kind = ? AND namespace = ? AND name = ?')
    this.#write = database.prepare(
      `INSERT INTO resources (kind, namespace, name, uid, resource_version, created_ms, content, digest)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET resource_version = excluded.resource_version,
         content = excluded.content, digest = excluded.digest`,
    )
    this.#remove = database.prepare('DELETE FROM resources WHERE kind = ? AND namespace = ? AND name = ?')
    this.#list = database.prepare(
      `SELECT * FROM resources WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR namespace = ?2)
       ORDER BY kind, namespace, name`,
    )
    this.#page = database.prepare(PAGE)
  }

  read(ref: ResourceRef): StoredResource | undefined {
    return this.#row(ref)?.stored
  }

  list(kind: string | undefined, namespace: string | undefined): readonly StoredResource[] {
    return this.#list.all(kind ?? null, namespace ?? null).map(row => stored(row))
  }

  /** As it was at a revision: what has not been changed since, and of the rest what the first change after it found. */
  page(query: PageQuery): StoredPage {
    const revision = query.atRevision ?? this.#transactions.revision
    const { kind = '', namespace = '', name = '' } = query.after ?? {}
    const filters = { kind: query.kind ?? null, namespace: query.namespace ?? null }
    const rows = this.#page.all({
      ...filters,
      revision,
      afterKind: kind,
      afterNamespace: namespace,
      afterName: name,
      limit: query.limit + 1,
    })
    const resources = rows.slice(0, query.limit).map(row => stored(row))
    return { revision, resources, more: rows.length > query.limit }
  }

  commit(changes: readonly StoreChange[], actor: string): Result<Committed, StoreError> {
    return this.#transactions.run(() => this.#apply(changes, actor))
  }

  preview(changes: readonly StoreChange[]): Result<Committed, StoreError> {
    const result = this.#transactions.run(() => this.#apply(changes, 'preview'), 'ROLLBACK')
    return result.ok ? ok({ ...result.value, revision: this.#transactions.revision }) : result
  }

  #apply(changes: readonly StoreChange[], actor: string): Result<Committed, StoreError> {
    let revision: number | undefined
    const next = (): number => {
      revision ??= this.#transactions.nextRevision()
      return revision
    }
    const outcomes: ChangeOutcome[] = []
    for (const change of changes) {
      const held = this.#row(change.ref)
      const current = held?.stored.resourceVersion
      const { expectedResourceVersion: expected } = change
      if (expected !== undefined && expected !== (current ?? 0))
        return err({ code: 'conflict', ref: change.ref, current })
      const outcome = change.kind === 'put' ? this.#put(change, held, next) : this.#delete(change.ref, held, next)
      outcomes.push(outcome)
      if (outcome.action !== 'unchanged' && outcome.action !== 'absent' && revision !== undefined) {
        this.#audit.writeChange(outcome, actor, revision)
      }
    }
    return ok({ revision: revision ?? this.#transactions.revision, outcomes })
  }

  #put(change: StoreChange & { kind: 'put' }, held: HeldRow | undefined, next: () => number): ChangeOutcome {
    const { ref, content } = change
    const digest = contentDigest(content)
    if (held?.digest === digest) return { action: 'unchanged', ref, after: held.stored }
    const before = held?.stored
    const after: StoredResource = {
      ref,
      content,
      uid: before?.uid ?? randomUUID(),
      resourceVersion: next(),
      createdMs: before?.createdMs ?? Math.round(this.#clock.wallMs()),
    }
    this.#write.run(
      ref.kind,
      ref.namespace,
      ref.name,
      after.uid,
      after.resourceVersion,
      after.createdMs,
      JSON.stringify(content),
      digest,
    )
    return before === undefined ? { action: 'created', ref, after } : { action: 'configured', ref, before, after }
  }

  #delete(ref: ResourceRef, held: HeldRow | undefined, next: () => number): ChangeOutcome {
    if (held === undefined) return { action: 'absent', ref }
    next()
    this.#remove.run(ref.kind, ref.namespace, ref.name)
    return { action: 'deleted', ref, before: held.stored }
  }

  #row(ref: ResourceRef): HeldRow | undefined {
    const row = this.#read.get(ref.kind, ref.namespace, ref.name)
    return row === undefined ? undefined : { stored: stored(row), digest: String(row.digest) }
  }
}

interface HeldRow {
  readonly stored: StoredResource
  readonly digest: string
}

function stored(row: Record<string, unknown>): StoredResource {
  return {
    ref: { kind: String(row.kind), namespace: String(row.namespace), name: String(row.name) },
    content: JSON.parse(String(row.content)) as ResourceContent,
    uid: String(row.uid),
    resourceVersion: Number(row.resource_version),
    createdMs: Number(row.created_ms),
  }
}
