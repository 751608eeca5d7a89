import type { DatabaseSync } from 'node:sqlite'

/** One for each start after which something was written; the oldest go, and with them the history from before. */
const LEAPS_MAX = 1_000

/** Where revisions leap: those in between were never given out by this store, whoever names them has them from another. */
export class Leaps {
  readonly #insert
  readonly #forget
  readonly #over

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare('INSERT INTO leaps (from_revision, to_revision) VALUES (?, ?)')
    this.#forget = database.prepare(
      `DELETE FROM leaps WHERE from_revision <=
         (SELECT from_revision FROM leaps ORDER BY from_revision DESC LIMIT 1 OFFSET ${LEAPS_MAX})
       RETURNING to_revision`,
    )
    this.#over = database.prepare('SELECT 1 FROM leaps WHERE from_revision < ?1 AND to_revision > ?1')
  }

  /** Within a transaction. Answers the revision before which no leap is known any more; 0 when all are. */
  add(from: number, to: number): number {
    this.#insert.run(from, to)
    return Math.max(0, ...this.#forget.all().map(row => Number(row.to_revision)))
  }

  leapt(revision: number): boolean {
    return this.#over.get(revision) !== undefined
  }
}
