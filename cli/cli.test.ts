import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findServer } from './cli.ts'
import { readCliEnvironment } from './config.ts'
import { writeContext } from './rest/mod.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-test-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

function leaveContext(pid: number, name = 'context.json'): string {
  const file = join(dir, name)
  const addresses = { discovery: '127.0.0.1:2', enrolment: '127.0.0.1:3' }
  writeContext(file, { server: 'http://127.0.0.1:1', token: 'from-context', ...addresses, pid })
  return file
}

/** Beyond what Linux gives to a process: nobody's. */
const NOBODY = 2 ** 22 + 1

describe('the control plane that is meant', () => {
  test('is that of the flags, then of the environment, then of the context file', () => {
    leaveContext(process.pid)
    const env = readCliEnvironment({ SELVEDGE_HOME: dir, SELVEDGE_SERVER: 'http://env', SELVEDGE_TOKEN: 'env' })
    expect(findServer(env, { server: 'flag:1', token: 'flag' })).toEqual({ url: 'http://flag:1', token: 'flag' })
    expect(findServer(env, {})).toEqual({ url: 'http://env', token: 'env' })
    const context = { url: 'http://127.0.0.1:1', token: 'from-context' }
    expect(findServer(readCliEnvironment({ SELVEDGE_HOME: dir }), {})).toEqual(context)
  })

  test('is that of the context file that --context names', () => {
    const file = leaveContext(process.pid, 'other.json')
    const env = readCliEnvironment({ SELVEDGE_HOME: dir })
    expect(findServer(env, { context: file }).token).toBe('from-context')
  })

  test('is not that of an "up" that has ended', () => {
    leaveContext(NOBODY)
    expect(() => findServer(readCliEnvironment({ SELVEDGE_HOME: dir }), {})).toThrow('has ended')
  })

  test.each([
    ['a line end', 'abc\nd'],
    ['a space', 'a b'],
    ['letters that no header carries', 'Zür'],
  ])('is given no token with %s', (_, token) => {
    expect(() => findServer(readCliEnvironment({}), { server: 'http://127.0.0.1:1', token })).toThrow(
      expect.objectContaining({ exitStatus: 2, message: expect.stringMatching(/^Cannot use the token: /) }),
    )
  })

  test('speaks HTTP', () => {
    expect(() => findServer(readCliEnvironment({}), { server: 'ftp://127.0.0.1:1' })).toThrow(
      expect.objectContaining({ exitStatus: 2, message: expect.stringMatching(/^Cannot use --server/) }),
    )
  })

  test('must have an address', () => {
    expect(() => findServer(readCliEnvironment({}), { server: 'http://[' })).toThrow(
      expect.objectContaining({ exitStatus: 2 }),
    )
  })
})

test('an empty variable counts as unset', () => {
  expect(readCliEnvironment({ SELVEDGE_SERVER: '', SELVEDGE_HOME: '/h' })).toMatchObject({
    server: undefined,
    contextFile: '/h/context.json',
  })
})
