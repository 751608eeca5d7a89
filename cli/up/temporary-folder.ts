import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliFailure, messageOf } from '../mod.ts'

/** A folder for this run alone, and for this user's eyes alone; a guard removes it at the end. `instead` says what to do where there can't be one. */
export function makeTemporaryFolder(instead: string): string {
  try {
    return mkdtempSync(join(tmpdir(), 'selvedge-'))
  } catch (thrown) {
    throw new CliFailure(`Cannot keep the mesh's state in ${tmpdir()}: ${messageOf(thrown)}; ${instead}`)
  }
}
