import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { SCHEMA_VERSION } from './schema.ts'

/** The one row of `state`, without its seal. */
export interface State {
  readonly revision: number
  readonly sequence: number
  readonly historyFloor: number
  readonly rootPin: string | undefined
  /** Of all rows of all other tables: the sum of their digests. It doesn't depend on their order, and changes by one row cheaply. */
  readonly rowSum: bigint
}

/** Rows are summed up modulo this: as wide as their digests. */
const MODULUS = 1n << 256n

/**
 * Has SQLite report each row that is inserted, updated or deleted, whatever statement does it: `report` gets the difference that it
 * makes to the sum. The triggers are temporary, so that the file itself needs none of our functions.
 */
export function watchRows(database: DatabaseSync, report: (difference: bigint) => void): void {
  database.function('selvedge_row', { varargs: true }, (sign, ...row) => {
    report(BigInt(Number(sign)) * rowDigest(row))
    return null
  })
  for (const table of tables(database)) {
    const columns = columnsOf(database, table)
    const call = (sign: number, of: string): string =>
      `SELECT selvedge_row(${sign}, '${table}', ${columns.map(column => `${of}.${column}`).join(', ')})`
    const trigger = (event: string, ...calls: string[]): void =>
      database.exec(
        `CREATE TEMP TRIGGER ${table}_${event} AFTER ${event} ON main.${table} BEGIN ${calls.join('; ')}; END`,
      )
    trigger('insert', call(1, 'NEW'))
    trigger('update', call(-1, 'OLD'), call(1, 'NEW'))
    trigger('delete', call(-1, 'OLD'))
  }
}

/** The sum of what is in the file: equal to the one in `state`, or something has been changed behind our back. */
export function sumRows(database: DatabaseSync): bigint {
  let sum = 0n
  for (const table of tables(database)) {
    const rows = database.prepare(`SELECT ${columnsOf(database, table).join(', ')} FROM ${table}`)
    rows.setReturnArrays(true)
    for (const row of rows.iterate() as Iterable<unknown>) sum += rowDigest([table, ...(row as unknown[])])
  }
  return addTo(0n, sum)
}

export function addTo(sum: bigint, difference: bigint): bigint {
  return (((sum + difference) % MODULUS) + MODULUS) % MODULUS
}

/** The row as it is written; with the seal, which is its digest. */
export function stateColumns(state: State): Record<string, string | number | null> {
  const columns = {
    schema_version: SCHEMA_VERSION,
    revision: state.revision,
    sequence: state.sequence,
    history_floor: state.historyFloor,
    root_pin: state.rootPin ?? null,
    row_sum: state.rowSum.toString(16),
  }
  return { ...columns, seal: sealOf(columns) }
}

/** The row as it was read; `undefined` when it is not what was written. */
export function stateFrom(row: Record<string, unknown> | undefined): State | undefined {
  if (row === undefined) return undefined
  const { id: _id, seal, ...columns } = row
  if (seal !== sealOf(columns)) return undefined
  return {
    revision: Number(row.revision),
    sequence: Number(row.sequence),
    historyFloor: Number(row.history_floor),
    rootPin: typeof row.root_pin === 'string' ? row.root_pin : undefined,
    rowSum: BigInt(`0x${String(row.row_sum)}`),
  }
}

function sealOf(columns: Record<string, unknown>): string {
  const { schema_version, revision, sequence, history_floor, root_pin, row_sum } = columns
  return digest([schema_version, revision, sequence, history_floor, root_pin, row_sum])
}

function rowDigest(row: readonly unknown[]): bigint {
  return BigInt(`0x${digest(row)}`)
}

function digest(values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex')
}

function tables(database: DatabaseSync): string[] {
  return database
    .prepare(
      "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name <> 'state' AND name NOT LIKE 'sqlite_%'",
    )
    .all()
    .map(({ name }) => String(name))
}

function columnsOf(database: DatabaseSync, table: string): string[] {
  return database
    .prepare('SELECT name FROM pragma_table_info(?) ORDER BY cid')
    .all(table)
    .map(({ name }) => String(name))
}
