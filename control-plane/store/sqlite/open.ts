import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeFolder } from '../../../common/folders/mod.ts'
import { err, ok, type Result } from '../../../common/mod.ts'
import { contentDigest } from '../content-digest.ts'
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './schema.ts'

export const DATABASE_FILE = 'selvedge.db'

const PAGE_BYTES = 4096

/**
 * Opens the database in `dataDir`, and makes both when they aren't there (0700 and 0600: they say who may call whom). The file is
 * checked through before it is used. An error is one sentence and what to do next; nothing was changed then.
 */
export function openDatabase(dataDir: string, bytesMax: number): Result<DatabaseSync, string> {
  const path = join(dataDir, DATABASE_FILE)
  try {
    makeFolder(dataDir)
    if (!existsSync(path)) {
      if (existsSync(`${path}-wal`)) {
        return err(`Cannot open the store: ${path} is gone, but its log is there. Restore it from a backup.`)
      }
      createDatabase(path)
    }
    // SQLite takes an empty file for a new database; ours is never empty, since it gets its name when it is whole.
    if (statSync(path).size === 0) return err(`Cannot open the store: ${path} is empty. ${RESTORE}`)
    chmodSync(path, 0o600)
    return openExisting(path, bytesMax)
  } catch (error) {
    return err(
      `Cannot open the store in ${dataDir}: ${words(error)}. Check the folder, or name another with --data-dir.`,
    )
  }
}

const RESTORE = 'Restore it from a backup, or name another folder with --data-dir.'

/** The file gets its name only when its tables are there: a crash while it is made leaves no database that looks empty. */
function createDatabase(path: string): void {
  const fresh = `${path}.new`
  rmSync(fresh, { force: true })
  closeSync(openSync(fresh, 'wx', 0o600))
  const database = new DatabaseSync(fresh)
  try {
    database.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA synchronous = FULL;`)
    database.exec(SCHEMA)
  } finally {
    database.close()
  }
  renameSync(fresh, path)
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

function openExisting(path: string, bytesMax: number): Result<DatabaseSync, string> {
  const database = new DatabaseSync(path)
  const fail = (state: string): Result<never, string> => {
    database.close()
    return err(`Cannot open the store: ${path} ${state}`)
  }
  try {
    // One control plane for each database: the lock is held until the process ends, however it ends.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0;')
    if (pragma(database, 'application_id') !== APPLICATION_ID) return fail(`is not a Selvedge database. ${RESTORE}`)
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;`)
    database.exec(`PRAGMA max_page_count = ${Math.ceil(bytesMax / PAGE_BYTES)};`)
    database.exec('BEGIN IMMEDIATE; COMMIT')
    const problem = damage(database)
    return problem === undefined ? ok(database) : fail(problem)
  } catch (error) {
    if (/locked|busy/i.test(words(error))) {
      return fail('is in use by another control plane. End that one, or name another folder with --data-dir.')
    }
    return fail(`cannot be read (${words(error)}). ${RESTORE}`)
  }
}

/** What is wrong with the file: SQLite's own check of its structure, then our digest of every content (a flipped bit in a text is none of SQLite's business). */
function damage(database: DatabaseSync): string | undefined {
  const found = database.prepare('PRAGMA integrity_check(1)').get()?.integrity_check
  if (found !== 'ok') return `is damaged (${String(found)}). ${RESTORE}`
  const version = database.prepare("SELECT value FROM meta WHERE key = 'schema_version'").get()?.value
  if (version !== SCHEMA_VERSION) {
    return `has schema version ${String(version)}, and this program knows ${SCHEMA_VERSION}. Use the program's version that wrote it.`
  }
  if (database.prepare("SELECT value FROM meta WHERE key = 'revision'").get() === undefined) {
    return `is damaged (its revision is gone). ${RESTORE}`
  }
  for (const row of database.prepare('SELECT kind, namespace, name, content, digest FROM resources').iterate()) {
    if (digestOf(String(row.content)) !== row.digest) {
      return `is damaged (${row.kind} ${row.namespace}/${row.name} is not what was written). ${RESTORE}`
    }
  }
  return undefined
}

function digestOf(content: string): string | undefined {
  try {
    return contentDigest(JSON.parse(content))
  } catch {
    return undefined
  }
}

function pragma(database: DatabaseSync, name: string): unknown {
  return database.prepare(`PRAGMA ${name}`).get()?.[name]
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
