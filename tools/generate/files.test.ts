import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { differencesOf, type Generated, writeGenerated } from './files.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'selvedge-generate-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const generated: Generated = {
  files: new Map([
    ['made/a.yaml', 'a'],
    ['made/deep/b.yaml', 'b'],
    ['docs/c.md', 'c'],
  ]),
  folders: ['made'],
}

test('what was written does not differ', () => {
  writeGenerated(root, generated)
  expect(differencesOf(root, generated)).toEqual([])
})

test('what is missing, out of date or without a source differs, and is put right', () => {
  writeGenerated(root, generated)
  rmSync(join(root, 'made/deep/b.yaml'))
  writeFileSync(join(root, 'docs/c.md'), 'edited')
  writeFileSync(join(root, 'made/old.yaml'), 'old')
  expect(differencesOf(root, generated)).toEqual([
    'made/deep/b.yaml is missing',
    'docs/c.md is out of date',
    'made/old.yaml has no source any more',
  ])
  writeGenerated(root, generated)
  expect(differencesOf(root, generated)).toEqual([])
})

test('files outside the folders that are generated whole are left alone', () => {
  mkdirSync(join(root, 'docs'))
  writeFileSync(join(root, 'docs/by-hand.md'), 'mine')
  writeGenerated(root, generated)
  expect(existsSync(join(root, 'docs/by-hand.md'))).toBe(true)
  expect(readFileSync(join(root, 'docs/c.md'), 'utf8')).toBe('c')
})
