import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkLaw } from './check-law.ts'
import { drawPicture, withPicture } from './picture.ts'
import { projectRoot, readProject } from './project-files.ts'
import type { Law } from './table.ts'
import { formatViolation, type Violation } from './violation.ts'

const PICTURE_FILE = 'docs/architecture.md'

/** The command line of tools/rooms.ts. Returns its exit status: 0 kept, 1 broken, 2 wrong usage. */
export function runRooms(law: Law, args: readonly string[]): number {
  if (args.length === 1 && args[0] === '--write') return writePicture(law)
  if (args.length === 1 && args[0] === '--check') return check(law)
  console.error('Usage: node tools/rooms.ts --check | --write')
  return 2
}

function writePicture(law: Law): number {
  const path = join(projectRoot, PICTURE_FILE)
  const renewed = withPicture(readFileSync(path, 'utf8'), drawPicture(law))
  if (renewed === undefined) {
    console.error(
      `Cannot draw into ${PICTURE_FILE}: its markers are missing. Put them back as tools/law/picture.ts names them.`,
    )
    return 1
  }
  writeFileSync(path, renewed)
  return 0
}

function check(law: Law): number {
  const files = readProject()
  const found = [...checkLaw(law, files), ...stalePicture(law)]
  for (const violation of found) console.error(formatViolation(violation))
  const errors = found.filter(violation => violation.severity === 'error').length
  const warnings = found.length - errors
  console.log(`${files.length} files in ${law.rooms.length} rooms: ${errors} errors, ${warnings} warnings`)
  return errors === 0 ? 0 : 1
}

function stalePicture(law: Law): Violation[] {
  const text = readFileSync(join(projectRoot, PICTURE_FILE), 'utf8')
  if (withPicture(text, drawPicture(law)) === text) return []
  const message = 'does not show the table of tools/rooms.ts. Run: node tools/rooms.ts --write'
  return [{ severity: 'error', file: PICTURE_FILE, line: 1, rule: 'picture', message }]
}
