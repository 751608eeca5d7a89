import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readPrivateFile, writePrivateFile } from './mod.ts'

let dir: string
let path: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-private-'))
  path = join(dir, 'kept')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const read = (bytesMax = 100) => {
  const result = readPrivateFile(path, bytesMax)
  return result.ok ? result.value?.toString() : result
}

describe('a private file', () => {
  test('is written whole, for its owner alone, and read back', async () => {
    expect(await writePrivateFile(path, ['one ', 'two'])).toEqual({ ok: true, value: undefined })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(read()).toBe('one two')
    expect(readdirSync(dir)).toEqual(['kept'])
  })

  test('takes the place of the older one, and of what a crash has left', async () => {
    await writePrivateFile(path, ['old'])
    writeFileSync(`${path}.new`, 'half', { mode: 0o644 })
    await writePrivateFile(path, ['new'])
    expect(read()).toBe('new')
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('stays as it was when the new one cannot be written', async () => {
    await writePrivateFile(path, ['old'])
    const broken = function* () {
      yield 'ha'
      throw new Error('no more')
    }
    expect(await writePrivateFile(path, broken())).toMatchObject({
      ok: false,
      error: expect.stringContaining('no more'),
    })
    expect(read()).toBe('old')
    expect(readdirSync(dir)).toEqual(['kept'])
  })

  test('that is not there is none, and no fault', () => {
    expect(read()).toBeUndefined()
  })

  test.each([
    ['others may read', () => chmodSync(path, 0o640)],
    ['others may write', () => chmodSync(path, 0o602)],
    [
      'is a link',
      () => {
        rmSync(path)
        writeFileSync(join(dir, 'other'), '', { mode: 0o600 })
        symlinkSync(join(dir, 'other'), path)
      },
    ],
    ['is too long', () => writeFileSync(path, 'x'.repeat(101))],
    [
      'is a folder',
      () => {
        rmSync(path)
        rmSync(dir, { recursive: true })
        path = tmpdir()
      },
    ],
  ])('that %s is refused', async (_, spoil) => {
    await writePrivateFile(path, ['text'])
    spoil()
    expect(read()).toMatchObject({ ok: false, error: expect.stringContaining('Cannot') })
  })
})
