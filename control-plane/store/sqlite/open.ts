import { chmodSync, closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeFolder } from '../../../common/folders/mod.ts'
import { err, ok, type Result } from '../../../common/mod.ts'
import { checkDatabase, faultOf, isBusy } from './check.ts'
import { type HighWaterMark, MarkFile, readMark } from './high-water-mark.ts'
import { SCHEMA } from './schema.ts'
import { type State, stateColumns, stateFrom, sumRows } from './seal.ts'

export const DATABASE_FILE = 'selvedge.db'
/** How far the database had got when something was last acknowledged. No part of a backup. */
const MARK_FILE = 'selvedge.mark'

const PAGE_BYTES = 4096

export interface OpenedDatabase {
  readonly database: DatabaseSync
  readonly state: State
  readonly logPath: string
  readonly mark: MarkFile
}

/**
 * Opens the database in `dataDir`, and makes both when they aren't there (0700 and 0600: they say who may call whom). All of it is
 * checked before it is used. An error is one sentence and what to do next; nothing was changed then.
 */
export function openDatabase(dataDir: string, bytesMax: number): Result<OpenedDatabase, string> {
  const path = join(dataDir, DATABASE_FILE)
  const logPath = `${path}-wal`
  const markPath = join(dataDir, MARK_FILE)
  try {
    makeFolder(dataDir)
    if (!existsSync(path)) {
      const trace = [logPath, markPath].find(existsSync)
      if (trace !== undefined) return err(`Cannot open the store: ${path} is gone, but ${trace} is there. ${RESTORE}`)
      createDatabase(path)
    }
    // SQLite takes an empty file for a new database; ours is never empty, since it gets its name when it is whole.
    if (statSync(path).size === 0) return err(`Cannot open the store: ${path} is empty. ${RESTORE}`)
    chmodSync(path, 0o600)
    const state = readState({ path, logPath, markPath })
    if (!state.ok) return err(`Cannot open the store: ${path} ${state.error}`)
    const database = openForWriting(path, state.value, bytesMax)
    if (!database.ok) return database
    try {
      return ok({ database: database.value, state: state.value, logPath, mark: new MarkFile(markPath, state.value) })
    } catch (error) {
      database.value.close()
      throw error
    }
  } catch (error) {
    return err(
      `Cannot open the store in ${dataDir}: ${words(error)}. Check the folder, or name another with --data-dir.`,
    )
  }
}

const RESTORE = 'Restore it from a backup, or name another folder with --data-dir.'

/** The file gets its name only when its tables are there: a crash while it is made leaves no database that looks empty. */
function createDatabase(path: string): void {
  const fresh = `${path}.${process.pid}.new`
  rmSync(fresh, { force: true })
  closeSync(openSync(fresh, 'wx', 0o600))
  const database = new DatabaseSync(fresh)
  try {
    database.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA synchronous = FULL; BEGIN;`)
    database.exec(SCHEMA)
    const empty = { revision: 0, sequence: 0, historyFloor: 0, rootPin: undefined, rowSum: sumRows(database) }
    database
      .prepare(
        `INSERT INTO state VALUES (1, $schema_version, $revision, $sequence, $history_floor, $root_pin, $row_sum, $seal)`,
      )
      .run(stateColumns(empty))
    database.exec('COMMIT')
  } finally {
    database.close()
  }
  nameAnew(fresh, path)
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

/** Where another process has come first, its database is taken: a rename would put ours over the one that it is writing already. */
function nameAnew(fresh: string, path: string): void {
  try {
    linkSync(fresh, path)
  } catch (error) {
    // Some file systems know no links.
    if (!existsSync(path)) renameSync(fresh, path)
    else if (!words(error).startsWith('EEXIST')) throw error
  }
  rmSync(fresh, { force: true })
}

interface Paths {
  readonly path: string
  readonly logPath: string
  readonly markPath: string
}

/**
 * Checks the file through a connection that can only read: one that may write would, when it closes, move what is left of a damaged
 * log into the database, and wipe out what an expert could still save.
 */
function readState({ path, logPath, markPath }: Paths): Result<State, string> {
  const hadLog = existsSync(logPath)
  const database = new DatabaseSync(path, { readOnly: true })
  let [refused, busy] = [true, false]
  try {
    const state = checkDatabase(database)
    if (!state.ok) return state
    const behind = behindMark(state.value, markPath)
    refused = behind !== undefined
    return behind === undefined ? state : err(behind)
  } catch (error) {
    busy = isBusy(error)
    return err(faultOf(error))
  } finally {
    database.close()
    // The index of the log, which readers share: the writer keeps its own in memory.
    rmSync(`${path}-shm`, { force: true })
    // The empty log that an index needs. It is ours only where nobody else can have begun to write one meanwhile.
    if (refused && !busy && !hadLog) rmSync(logPath, { force: true })
  }
}

/** What is wrong when the database has not all that was acknowledged. */
function behindMark({ sequence, revision }: State, markPath: string): string | undefined {
  const goOn = `or, to go on with revision ${revision} and without what is lost, delete ${markPath} and start again.`
  const mark: Result<HighWaterMark | undefined, string> = readMark(markPath)
  if (!mark.ok) return `cannot be held against ${markPath}, which ${mark.error}. Restore both, ${goOn}`
  if (mark.value === undefined || mark.value.sequence <= sequence) return undefined
  return (
    `has revision ${revision} (write ${sequence}), but revision ${mark.value.revision} (write ${mark.value.sequence}) was ` +
    `acknowledged: its log is damaged or gone, or it is an older copy. Put back the newest that you have, ${goOn}`
  )
}

function openForWriting(path: string, checked: State, bytesMax: number): Result<DatabaseSync, string> {
  const database = new DatabaseSync(path)
  try {
    // One control plane for each database: the lock is held until the process ends, however it ends.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0;')
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;')
    // Without it, a REPLACE would take rows away unseen by our triggers.
    database.exec('PRAGMA recursive_triggers = ON;')
    // The log is emptied by ourselves, and then wholly: what is left of one that was copied already would be read again after a crash.
    database.exec('PRAGMA wal_autocheckpoint = 0;')
    database.exec(`PRAGMA max_page_count = ${Math.ceil(bytesMax / PAGE_BYTES)};`)
    database.exec('BEGIN IMMEDIATE; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
    // From here on it is ours; what was checked before the lock may be what another has written over since.
    if (stateFrom(database.prepare('SELECT * FROM state').get())?.sequence === checked.sequence) return ok(database)
    database.close()
    return err(`Cannot open the store: ${path} was written by another control plane just now. End that one.`)
  } catch (error) {
    database.close()
    return err(`Cannot open the store: ${path} ${faultOf(error)}`)
  }
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
