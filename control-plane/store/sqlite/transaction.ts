import type { DatabaseSync } from 'node:sqlite'
import { err, ok, type Result } from '../../../common/mod.ts'
import { type StoreError, StoreUnavailable } from '../store.ts'

/** Runs `work` in one transaction: all of it is durable when this returns, or none of it has been (nor is it when `end` is a ROLLBACK). */
export function transaction<T>(
  database: DatabaseSync,
  work: () => Result<T, StoreError>,
  end: 'COMMIT' | 'ROLLBACK' = 'COMMIT',
): Result<T, StoreError> {
  try {
    database.exec('BEGIN IMMEDIATE')
    const result = work()
    if (result.ok) database.exec(end)
    else database.exec('ROLLBACK')
    return result
  } catch (error) {
    // A full disk may have rolled it back already.
    if (database.isOpen && database.isTransaction) database.exec('ROLLBACK')
    return err(unavailable(error))
  }
}

/** `transaction` for writes that have no result to say no with: throws `StoreUnavailable`. */
export function writeAlone<T>(database: DatabaseSync, work: () => T): T {
  const result = transaction(database, () => ok(work()))
  if (result.ok) return result.value
  throw new StoreUnavailable(result.error.code === 'unavailable' ? result.error.message : result.error.code)
}

function unavailable(error: unknown): { readonly code: 'unavailable'; readonly message: string } {
  const state = error instanceof Error ? error.message : String(error)
  return {
    code: 'unavailable',
    message: `Cannot write to the store: ${state}. Check the space and the permissions of the data folder.`,
  }
}

/** The one counter of revisions. What it hands out counts once the transaction around it is committed. */
export class RevisionCounter {
  readonly #bump
  #committed: number

  constructor(database: DatabaseSync) {
    this.#bump = database.prepare("UPDATE meta SET value = value + 1 WHERE key = 'revision' RETURNING value")
    this.#committed = Number(database.prepare("SELECT value FROM meta WHERE key = 'revision'").get()?.value)
  }

  get committed(): number {
    return this.#committed
  }

  /** Within a transaction: the revision that it will be. */
  next(): number {
    return Number(this.#bump.get()?.value)
  }

  /** After a transaction has been committed. */
  advance(revision: number): void {
    this.#committed = revision
  }
}
