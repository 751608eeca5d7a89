import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeFolder } from './mod.ts'

const PERMISSIONS = 0o777
let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-folders-'))
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('makeFolder', () => {
  test("makes what is missing, for its owner's eyes alone", () => {
    makeFolder(join(dir, 'a', 'b', 'c'))
    for (const made of ['a', 'a/b', 'a/b/c']) expect(statSync(join(dir, made)).mode & PERMISSIONS).toBe(0o700)
  })

  test('leaves a folder that is there as it is, also behind a link', () => {
    chmodSync(dir, 0o755)
    symlinkSync(dir, join(dir, 'link'))
    makeFolder(join(dir, 'link', 'new'))
    makeFolder(join(dir, 'new'))
    expect(statSync(dir).mode & PERMISSIONS).toBe(0o755)
    expect(statSync(join(dir, 'new')).isDirectory()).toBe(true)
  })

  test.each([
    ['a file in the way', () => join(dir, 'file')],
    ['a file above it', () => join(dir, 'file', 'a', 'b')],
    ['a link to nowhere', () => join(dir, 'nowhere', 'a')],
  ])('%s is an error', (_, path) => {
    writeFileSync(join(dir, 'file'), '')
    symlinkSync(join(dir, 'gone'), join(dir, 'nowhere'))
    expect(() => makeFolder(path())).toThrow(/EEXIST|ENOTDIR|ENOENT/)
  })

  test.runIf(process.platform === 'linux')('a file system that takes no folders is an error, not a hang', () => {
    expect(() => makeFolder('/proc/selvedge/a')).toThrow(/ENOENT/)
    expect(() => makeFolder('/proc/selvedge')).toThrow(/ENOENT/)
  })
})
