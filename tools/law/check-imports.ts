import { posix } from 'node:path'
import { isKindOfTest } from './file-kind.ts'
import type { ImportFact, SourceFile } from './source-file.ts'
import { isWithin, type Law, mayImport, neverRule, RESERVED_MODULES, type Room, roomOf } from './table.ts'
import type { Violation } from './violation.ts'

const MESSAGE_FREE_NAMES = /^load[A-Z]|Handlers$/

/** Judges every import of one file by the table: rules 1 to 8 and 10. Pure. */
export function checkImports(law: Law, file: SourceFile): Violation[] {
  const room = roomOf(law, file.path)
  if (room === undefined) {
    return [error(file.path, 1, 'rooms', 'belongs to no room. Move it into one, or add its room to tools/rooms.ts.')]
  }
  return file.imports.flatMap(one => {
    if (one.specifier === undefined) {
      return room.path === 'tools'
        ? []
        : [
            error(
              file.path,
              one.line,
              'rooms',
              'computes what it imports. Name the file in a literal, so that it can be checked.',
            ),
          ]
    }
    return one.specifier.startsWith('.')
      ? checkOwnImport(law, file, room, one, posix.join(posix.dirname(file.path), one.specifier))
      : checkPackage(file, room, one.line, one.specifier)
  })
}

function checkOwnImport(law: Law, file: SourceFile, room: Room, one: ImportFact, target: string): Violation[] {
  const found: Violation[] = []
  const report = (rule: string, message: string) => found.push(error(file.path, one.line, rule, message))
  const test = isKindOfTest(file.path)
  const base = posix.basename(target)

  if (base === 'main.ts')
    report('rule 10', `imports ${target}. Nobody imports a main.ts: import app.ts, or start the program.`)
  if (!test && isKindOfTest(target)) {
    report('rule 10', `imports ${target}, which is test code. Move what both need into a room.`)
    return found
  }
  const to = roomOf(law, target)
  if (to === undefined) {
    // Outside all rooms: a root file such as package.json, read for its version.
    if (!target.endsWith('.json'))
      report('rooms', `imports ${target}, which belongs to no room. Add its room to tools/rooms.ts.`)
    return found
  }
  if (to.path === room.path) return found

  const never = neverRule(law, file.path, target)
  // Tests may look into any other room, but only through its door.
  const wholeMesh = test && ['test', 'e2e', 'bench', 'tools', 'cli'].includes(room.path.split('/')[0] ?? '')
  if (never !== undefined && never.rule === 1 && !wholeMesh) {
    report(`rule ${never.rule}`, `${never.from} imports ${target}. ${never.instead}`)
  } else if (!test && (never !== undefined || !mayImport(room, to))) {
    if (never !== undefined) report(`rule ${never.rule}`, `${never.from} imports ${target}. ${never.instead}`)
    else
      report(
        'rooms',
        `${room.path} may not import ${to.path} (${target}). Hand it in as an argument, or grant it in tools/rooms.ts with a reason.`,
      )
  }
  // A room inside another lives in its house: it needs no door to the rest of it.
  if (!isWithin(room.path, to.path)) checkDoor(to, target, base, report)
  if (to.path === 'proto' && !test && posix.basename(file.path) !== 'wire.ts') {
    const messages = one.names.filter(name => !MESSAGE_FREE_NAMES.test(name))
    if (messages.length > 0) {
      report(
        'rule 6',
        `takes ${messages.join(', ')} from proto. Only files named wire.ts touch messages: translate there, and import the result.`,
      )
    }
  }
  return found
}

function checkDoor(to: Room, target: string, base: string, report: (rule: string, message: string) => void): void {
  if (target === `${to.path}/mod.ts` || base === 'main.ts') return
  if (isKindOfTest(target) || base.endsWith('.json')) return
  if (to.doors?.[target.slice(to.path.length + 1)] !== undefined) return
  report(
    'doors',
    `imports ${target} past the door of ${to.path}. Import ${to.path}/mod.ts, and export there what others need.`,
  )
}

function checkPackage(file: SourceFile, room: Room, line: number, specifier: string): Violation[] {
  if (isKindOfTest(file.path)) return []
  const name = packageName(specifier)
  const granted =
    room.packages.includes(name) ||
    (name.startsWith('node:') && !RESERVED_MODULES.has(name) && room.packages.includes('node:*'))
  if (granted) return []
  const rule = RESERVED_MODULES.has(name) ? 'rule 8' : room.pure ? 'rule 4' : 'packages'
  return [
    error(
      file.path,
      line,
      rule,
      `${room.path} may not use ${name}. Use it in the room that owns it, or grant it in tools/rooms.ts with a reason.`,
    ),
  ]
}

function packageName(specifier: string): string {
  if (specifier.startsWith('node:')) return `node:${specifier.slice(5).split('/')[0]}`
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier)
}

function error(file: string, line: number, rule: string, message: string): Violation {
  return { severity: 'error', file, line, rule, message }
}
