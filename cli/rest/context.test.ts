import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readContext, removeContext, writeContext } from './context.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-test-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const context = { server: 'http://127.0.0.1:1', token: 't', discovery: '127.0.0.1:2', enrolment: '127.0.0.1:3', pid: 7 }

test('a context is read as it was written, and is for its owner alone', () => {
  const file = join(dir, 'deep', 'context.json')
  writeContext(file, context)
  expect(readContext(file)).toEqual({ ok: true, value: context })
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('no file is no context', () => {
  expect(readContext(join(dir, 'none.json'))).toEqual({ ok: true, value: undefined })
})

test('a file that is something else is refused with what to do', () => {
  const file = join(dir, 'context.json')
  writeFileSync(file, '{"server": 1}')
  expect(readContext(file)).toMatchObject({ ok: false, error: expect.stringContaining('remove it and start again') })
})

test('only its own mesh takes a context away', () => {
  const file = join(dir, 'context.json')
  writeContext(file, context)
  removeContext(file, 8)
  expect(readContext(file)).toMatchObject({ value: context })
  removeContext(file, 7)
  expect(readContext(file)).toEqual({ ok: true, value: undefined })
})

test('a folder that takes no file is told, with what else there is', () => {
  writeFileSync(join(dir, 'file'), '')
  expect(() => writeContext(join(dir, 'file', 'context.json'), context)).toThrow(
    /^Cannot write the context file .*; name another with --context/,
  )
})
