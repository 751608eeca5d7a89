/**
 * The store in one SQLite file, through `node:sqlite`: no server, no driver.
 * Invariants: what `commit` has answered is on the disk (WAL, synchronous=FULL), and a mark beside it says so; every write goes through
 * `Transactions`, which seals it; one control plane holds the file; a file that isn't ours, isn't whole, or is older than what was
 * acknowledged is refused, unchanged, and never taken for an empty mesh. See docs/decisions/0007.
 */
export { DATABASE_FILE } from './open.ts'
export { openSqliteStore, type SqliteStoreOptions } from './sqlite-store.ts'
