import { checkImports } from './check-imports.ts'
import { checkSource } from './check-source.ts'
import type { SourceFile } from './source-file.ts'
import { type Law, roomOf } from './table.ts'
import type { Violation } from './violation.ts'

/** Judges the whole project: each file, and whether the table still speaks of rooms that exist. Pure. */
export function checkLaw(law: Law, files: readonly SourceFile[]): Violation[] {
  const inhabited = new Set(files.map(file => roomOf(law, file.path)?.path))
  const empty = law.rooms
    .filter(room => !inhabited.has(room.path))
    .map(
      (room): Violation => ({
        severity: 'warning',
        file: 'tools/rooms.ts',
        line: 1,
        rule: 'rooms',
        message: `lists ${room.path}, which has no TypeScript file. Remove its line, or fill the room.`,
      }),
    )
  return [...empty, ...files.flatMap(file => [...checkSource(law, file), ...checkImports(law, file)])]
}
