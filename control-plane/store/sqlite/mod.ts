/**
 * The store in one SQLite file, through `node:sqlite`: no server, no driver.
 * Invariants: what `commit` has answered is on the disk (WAL, synchronous=FULL); one control plane holds the file;
 * a file that isn't ours, or isn't whole, is refused and never taken for an empty mesh.
 */
export { DATABASE_FILE } from './open.ts'
export { openSqliteStore, type SqliteStoreOptions } from './sqlite-store.ts'
