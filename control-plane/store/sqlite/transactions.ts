import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { err, ok, type Result } from '../../../common/mod.ts'
import { type StoreError, StoreUnavailable } from '../store.ts'
import type { HighWaterMark } from './high-water-mark.ts'
import { Leaps } from './leaps.ts'
import { addTo, type State, stateColumns, watchRows } from './seal.ts'

/**
 * The log goes into the database once it is as long as this: what lies in it could be lost together, by one damaged byte. Half as much
 * would double what emptying it costs, which is several milliseconds each time.
 */
const LOG_BYTES_MAX = 4 * 1024 ** 2

export interface TransactionsOptions {
  readonly database: DatabaseSync
  readonly state: State
  /** Where the write-ahead log lies. */
  readonly logPath: string
  /** Makes it known, durably, that all up to here is acknowledged. */
  readonly mark: (mark: HighWaterMark) => void
  /** Told of faults that lose nothing. */
  readonly failed: (error: unknown) => void
  /** Unix time in milliseconds of the start. */
  readonly startedMs: number
}

/** The one way to write. All that a transaction does is durable, sealed and marked when it returns, or none of it has been. */
export class Transactions {
  readonly #options: TransactionsOptions
  readonly #writeState
  readonly #leaps: Leaps
  #state: State
  /** The newest revision; from the start on it may be ahead of `#state`, by the start's leap. */
  #revision: number
  /** Of the transaction that runs. */
  #pending: State

  constructor(options: TransactionsOptions) {
    const { database, state } = options
    this.#options = options
    this.#state = state
    this.#pending = state
    // A copy from yesterday has no idea what was given out since: numbers that come from the clock are new even then. A mesh
    // commits less than once a millisecond on average, so that they never run ahead of it for long.
    this.#revision = state.revision === 0 ? 0 : Math.max(state.revision, Math.round(options.startedMs))
    this.#writeState = database.prepare(
      `UPDATE state SET schema_version = $schema_version, revision = $revision, sequence = $sequence,
       history_floor = $history_floor, root_pin = $root_pin, row_sum = $row_sum, seal = $seal`,
    )
    this.#leaps = new Leaps(database)
    watchRows(database, difference => {
      this.#pending = { ...this.#pending, rowSum: addTo(this.#pending.rowSum, difference) }
    })
  }

  get revision(): number {
    return this.#revision
  }

  /** Within a transaction: the revision that it will be. */
  nextRevision(): number {
    const revision = this.#revision + 1
    if (this.#pending.revision !== revision) {
      if (this.#revision > this.#state.revision) this.raiseFloor(this.#leaps.add(this.#state.revision, this.#revision))
      this.#pending = { ...this.#pending, revision }
    }
    return revision
  }

  /** The newest revision of which a change has been forgotten: all changes after it are known. Within a transaction as outside. */
  get historyFloor(): number {
    return this.#pending.historyFloor
  }

  /** Within a transaction. */
  raiseFloor(historyFloor: number): void {
    if (historyFloor > this.#pending.historyFloor) this.#pending = { ...this.#pending, historyFloor }
  }

  /** Whether all changes after `revision` are known, and the revision was ever given out. */
  reaches(revision: number): boolean {
    return revision >= this.historyFloor && revision <= this.#revision && !this.#leapt(revision)
  }

  get rootPin(): string | undefined {
    return this.#state.rootPin
  }

  /** Within a transaction. */
  pinRoot(rootPin: string): void {
    this.#pending = { ...this.#pending, rootPin }
  }

  run<T>(work: () => Result<T, StoreError>, end: 'COMMIT' | 'ROLLBACK' = 'COMMIT'): Result<T, StoreError> {
    const { database } = this.#options
    try {
      database.exec('BEGIN IMMEDIATE')
      const result = work()
      const commits = result.ok && end === 'COMMIT' && this.#pending !== this.#state
      if (commits) {
        this.#pending = { ...this.#pending, sequence: this.#state.sequence + 1 }
        this.#writeState.run(stateColumns(this.#pending))
      }
      database.exec(commits ? 'COMMIT' : 'ROLLBACK')
      if (commits) this.#committed()
      return result
    } catch (error) {
      // A full disk may have rolled it back already.
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK')
      return err(unavailable(error))
    } finally {
      this.#pending = this.#state
    }
  }

  /** `run` for writes that have no result to say no with: throws `StoreUnavailable`. */
  runAlone<T>(work: () => T): T {
    const result = this.run(() => ok(work()))
    if (result.ok) return result.value
    throw new StoreUnavailable(result.error.code === 'unavailable' ? result.error.message : result.error.code)
  }

  #leapt(revision: number): boolean {
    const { revision: last } = this.#state
    return (revision > last && revision < this.#revision) || this.#leaps.leapt(revision)
  }

  /** It is in the log for good: whatever fails from here on, it counts. */
  #committed(): void {
    if (this.#pending.revision !== this.#state.revision) this.#revision = this.#pending.revision
    this.#state = this.#pending
    const { mark, failed, database, logPath } = this.#options
    try {
      mark({ sequence: this.#state.sequence, revision: this.#state.revision })
      if (statSync(logPath).size > LOG_BYTES_MAX) database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch (error) {
      failed(error)
    }
  }
}

function unavailable(error: unknown): { readonly code: 'unavailable'; readonly message: string } {
  const state = error instanceof Error ? error.message : String(error)
  return {
    code: 'unavailable',
    message: `Cannot write to the store: ${state}. Check the space and the permissions of the data folder.`,
  }
}
