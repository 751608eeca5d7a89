import { DatabaseSync } from 'node:sqlite'
import { err, ok, type Result } from '../../../common/mod.ts'
import { contentDigest } from '../content-digest.ts'
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './schema.ts'
import { type State, stateFrom, sumRows } from './seal.ts'

const RESTORE = 'Restore it from a backup, or name another folder with --data-dir.'

/**
 * Whether the file is ours and holds what was written, all of it: SQLite checks its structure, our sum every row (a flipped bit in a
 * text is none of SQLite's business). Reads only. The error begins with the verb, "is damaged (...)", and ends with what to do next;
 * what SQLite throws passes through, and `faultOf` puts it in such words.
 */
export function checkDatabase(database: DatabaseSync): Result<State, string> {
  const damaged = (what: string): Result<never, string> => err(`is damaged (${what}). ${RESTORE}`)
  if (database.prepare('PRAGMA application_id').get()?.application_id !== APPLICATION_ID) {
    return err(`is not a Selvedge database. ${RESTORE}`)
  }
  const found = database.prepare('PRAGMA integrity_check(1)').get()?.integrity_check
  if (found !== 'ok') return damaged(String(found))
  if (schemaOf(database).every(([, name]) => name !== 'state')) return err(otherVersion('another'))
  const version = database.prepare('SELECT schema_version FROM state').get()?.schema_version
  if (version !== SCHEMA_VERSION && typeof version === 'number') return err(otherVersion(String(version)))
  if (JSON.stringify(schemaOf(database)) !== JSON.stringify(expectedSchema())) return damaged('its schema was changed')
  const state = stateFrom(database.prepare('SELECT * FROM state').get())
  if (state === undefined) return damaged('its state is not what was written')
  if (sumRows(database) !== state.rowSum) {
    return damaged(`${changedResource(database) ?? 'its content'} is not what was written`)
  }
  return ok(state)
}

/** What SQLite throws, as an end of a sentence about the file. Result codes: https://sqlite.org/rescode.html */
export function faultOf(error: unknown): string {
  const state = error instanceof Error ? error.message : String(error)
  const code = codeOf(error)
  if (isBusy(error)) {
    return 'is in use by another control plane. End that one, or name another folder with --data-dir.'
  }
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB || code === SQLITE_ERROR) {
    return `cannot be read (${state}). ${RESTORE}`
  }
  return `cannot be used (${state}). Check the disk, its space, and the permissions of the data folder.`
}

/** Another process holds the file. */
export function isBusy(error: unknown): boolean {
  return codeOf(error) === SQLITE_BUSY
}

/** The primary result code: extended ones have it in their low byte. */
function codeOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0
}

const SQLITE_ERROR = 1
const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

function otherVersion(version: string): string {
  return `has schema version ${version}, and this program knows ${SCHEMA_VERSION}. Use the program's version that wrote it.`
}

function schemaOf(database: DatabaseSync): readonly (readonly [unknown, unknown, unknown])[] {
  return database
    .prepare("SELECT type, name, sql FROM main.sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
    .all()
    .map(({ type, name, sql }) => [type, name, sql] as const)
}

function expectedSchema(): ReturnType<typeof schemaOf> {
  const database = new DatabaseSync(':memory:')
  try {
    database.exec(SCHEMA)
    return schemaOf(database)
  } finally {
    database.close()
  }
}

/** The one that its own digest convicts, if there is one: a name helps whoever looks for the fault. */
function changedResource(database: DatabaseSync): string | undefined {
  for (const row of database.prepare('SELECT kind, namespace, name, content, digest FROM resources').iterate()) {
    if (digestOf(String(row.content)) !== row.digest) return `${row.kind} ${row.namespace}/${row.name}`
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
