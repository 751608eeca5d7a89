import { describe, expect, it } from 'vitest'
import { law } from '../rooms.ts'
import { checkImports } from './check-imports.ts'
import { checkLaw } from './check-law.ts'
import { checkSource, LINES_MAX, LINES_WARNING } from './check-source.ts'
import { readSource } from './source-file.ts'
import { COMMON, mayImport, neverRule, roomOf } from './table.ts'

/** The rules that a file of this path and text breaks, as `line rule`. */
function broken(path: string, text: string): string[] {
  const file = readSource(path, text)
  return [...checkSource(law, file), ...checkImports(law, file)].map(one => `${one.line} ${one.rule}`)
}

describe('the table of rooms', () => {
  it('names no room twice', () => {
    const paths = law.rooms.map(room => room.path)
    expect(new Set(paths).size).toBe(paths.length)
  })

  it('grants only rooms that exist', () => {
    const grants = law.rooms.flatMap(room => room.may).filter(grant => !grant.includes('*'))
    expect(grants.filter(grant => !law.rooms.some(room => room.path === grant))).toEqual([])
  })

  it('grants nothing that a rule forbids for ever', () => {
    const faults = law.rooms.flatMap(from =>
      law.rooms
        .filter(
          to =>
            from !== to &&
            to.path !== COMMON &&
            mayImport(from, to) &&
            neverRule(law, from.path, to.path) !== undefined,
        )
        .map(to => `${from.path} -> ${to.path}`),
    )
    expect(faults).toEqual([])
  })

  it('has no circle, apart from what assembles a program', () => {
    const assembles = new Set(['cli', 'test', 'e2e'])
    const rooms = law.rooms.filter(room => !assembles.has(room.path))
    const visit = (path: readonly (typeof rooms)[number][]): string[] =>
      rooms
        .filter(to => to !== path.at(-1) && mayImport(path.at(-1)!, to))
        .flatMap(to => (path.includes(to) ? [[...path, to].map(room => room.path).join(' -> ')] : visit([...path, to])))
    expect(rooms.flatMap(room => visit([room]))).toEqual([])
  })

  it('gives a file to the room with the longest path', () => {
    expect(roomOf(law, 'control-plane/store/sqlite/open.ts')?.path).toBe('control-plane/store/sqlite')
    expect(roomOf(law, 'control-plane/store/store.ts')?.path).toBe('control-plane/store')
    expect(roomOf(law, 'control-plane/app.ts')?.path).toBe('control-plane')
    expect(roomOf(law, 'commonplace/app.ts')).toBeUndefined()
    expect(roomOf(law, 'sidecar/new-folder/x.ts')).toBeUndefined()
  })
})

describe('import law', () => {
  it.each([
    ['rule 1', 'sidecar/app.ts', "import { x } from '../control-plane/app.ts'"],
    ['rule 1', 'control-plane/fleet/fleet.ts', "import type { X } from '../../sidecar/policy/mod.ts'"],
    ['rule 2', 'common/brand.ts', "import { x } from '../model/snapshot/mod.ts'"],
    ['rule 2', 'model/compile/compile.ts', "import { x } from '../../decide/route/mod.ts'"],
    ['rule 2', 'decide/route/match.ts', "import { x } from '../../model/resources/mod.ts'"],
    ['rule 2', 'certs/leaf.ts', "import { x } from '../model/snapshot/mod.ts'"],
    ['rule 3', 'sidecar/inbound/stack.ts', "import { x } from '../outbound/mod.ts'"],
    ['rule 3', 'sidecar/outbound/stack.ts', "export { x } from '../inbound/mod.ts'"],
    ['rule 4', 'decide/retry/budget.ts', "import { x } from '../balance/mod.ts'"],
    ['rule 4', 'decide/retry/budget.ts', "import { connect } from 'node:net'"],
    ['rule 5', 'sidecar/codec/h1/reader.ts', "import { x } from '../../transport/mod.ts'"],
    ['rule 5', 'sidecar/transport/listen.ts', "import { x } from '../codec/h1/mod.ts'"],
    ['rule 6', 'sidecar/discovery/stream.ts', "import type { Update } from '../../proto/mod.ts'"],
    ['rule 8', 'control-plane/api/apply.ts', "import { DatabaseSync } from 'node:sqlite'"],
    ['rule 9', 'sidecar/telemetry/metrics.ts', "import { x } from '../outbound/mod.ts'"],
    ['rule 10', 'cli/commands/x.ts', "import '../main.ts'"],
    ['rule 10', 'sidecar/app.ts', "import { x } from '../test/fakes/clock.ts'"],
    ['doors', 'sidecar/app.ts', "import { x } from '../common/brand.ts'"],
    ['packages', 'sidecar/app.ts', "import { x } from 'express'"],
    ['packages', 'sidecar/codec/h1/reader.ts', "import { Socket } from 'node:net'"],
    ['rooms', 'sidecar/admin/pages.ts', "import { x } from '../outbound/mod.ts'"],
    ['rooms', 'nowhere/x.ts', 'export const x = 1'],
    ['rooms', 'cli/commands/x.ts', 'const name = 1\nawait import(name)'],
  ])('%s is broken by %s: %s', (rule, path, text) => {
    expect(broken(path, text).map(one => one.slice(one.indexOf(' ') + 1))).toEqual([rule])
  })

  it.each([
    ['sidecar/app.ts', "import { x } from './outbound/mod.ts'\nimport { y } from '../common/mod.ts'"],
    ['sidecar/discovery/wire.ts', "import type { Update } from '../../proto/mod.ts'"],
    ['sidecar/discovery/stream.ts', "import { loadDiscovery } from '../../proto/mod.ts'"],
    ['cli/commands/sidecar.ts', "await import('../../sidecar/app.ts')"],
    ['sidecar/discovery/stream.ts', "import type { PolicySink } from '../policy/source.ts'"],
    ['control-plane/store/sqlite/open.ts', "import { DatabaseSync } from 'node:sqlite'"],
    ['decide/route/match.test.ts', "import { parse } from '../../model/resources/mod.ts'\nimport fc from 'fast-check'"],
    [
      'test/in-process/mesh.test.ts',
      "import { x } from '../../sidecar/app.ts'\nimport { y } from '../../control-plane/app.ts'",
    ],
    ['control-plane/store/sqlite/open.ts', "import { x } from '../canonical.ts'"],
    ['cli/version.ts', "import manifest from '../package.json' with { type: 'json' }"],
  ])('is kept by %s: %s', (path, text) => {
    expect(broken(path, text)).toEqual([])
  })

  it('sees every way to import, and says the line', () => {
    const text = [
      "import '../outbound/mod.ts'",
      "export * from '../outbound/mod.ts'",
      "type X = import('../outbound/mod.ts').X",
      "const y = import('../outbound/mod.ts')",
    ]
    expect(broken('sidecar/inbound/stack.ts', text.join('\n')).sort()).toEqual([
      '1 rule 3',
      '2 rule 3',
      '3 rule 3',
      '4 rule 3',
    ])
  })
})

describe('what a file contains', () => {
  it.each(['Date.now()', 'Math.random()', 'performance.now()', 'new Date()', 'setTimeout(f, 1)'])(
    'a decision may not use %s',
    text => {
      expect(broken('decide/retry/budget.ts', `export const x = ${text}`)).toEqual(['1 rule 4'])
      expect(broken('model/compile/x.ts', `\nexport const x = ${text}`)).toEqual(['2 rule 4'])
      expect(broken('decide/retry/budget.test.ts', `export const x = ${text}`)).toEqual([])
      expect(broken('sidecar/app.ts', `export const x = ${text}`)).toEqual([])
    },
  )

  it('a decision may make a date from a time that it was given', () => {
    expect(broken('decide/retry/budget.ts', 'export const at = (ms: number) => new Date(ms)')).toEqual([])
  })

  it.each(['process.env.X', "process['env']", '(() => { const { env } = process; return env })()'])(
    'only config.ts reads the environment: %s',
    text => {
      expect(broken('sidecar/app.ts', `export const x = ${text}`)).toEqual(['1 rule 10'])
      expect(broken('sidecar/config.ts', `export const x = ${text}`)).toEqual([])
    },
  )

  it('the environment has no back door', () => {
    expect(broken('sidecar/app.ts', "import { env } from 'node:process'")).toEqual(['1 rule 10'])
  })

  it('a long file is asked why, and a longer one is a fault', () => {
    const lines = (count: number) => 'export {}\n'.repeat(count)
    expect(broken('sidecar/app.ts', lines(LINES_WARNING))).toEqual([])
    expect(broken('sidecar/app.ts', lines(LINES_WARNING + 1))).toEqual(['1 length'])
    expect(checkSource(law, readSource('sidecar/app.ts', lines(LINES_MAX))).map(one => one.severity)).toEqual([
      'warning',
    ])
    expect(checkSource(law, readSource('sidecar/app.ts', lines(LINES_MAX + 1))).map(one => one.severity)).toEqual([
      'error',
    ])
  })

  it.each(['sidecar/utils.ts', 'cli/helpers/x.ts', 'cli/util.test.ts', 'cli/someName.ts'])('%s is a bad name', path => {
    expect(broken(path, '')).toEqual(['1 names'])
  })

  it('a file that does not parse is said to', () => {
    expect(broken('sidecar/app.ts', 'export const = 1')).toEqual(['1 syntax'])
  })

  it('a room with no file in it is noticed', () => {
    const found = checkLaw({ rooms: law.rooms.slice(0, 2), never: [] }, [readSource('common/x.ts', '')])
    expect(found.map(one => `${one.severity} ${one.rule} ${one.message}`)).toEqual([
      'warning rooms lists common/settings, which has no TypeScript file. Remove its line, or fill the room.',
    ])
  })
})
