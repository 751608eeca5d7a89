import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN_FILE, bearerCheck, loadAdminToken } from './admin-token.ts'

describe('the admin token', () => {
  let dataDir: string
  let file: string
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'selvedge-token-'))
    file = join(dataDir, ADMIN_TOKEN_FILE)
  })
  afterEach(() => rmSync(dataDir, { recursive: true }))

  it('is made once, for its owner alone, and stays', () => {
    const first = loadAdminToken(dataDir)
    expect(first).toMatchObject({ ok: true, value: expect.stringMatching(/^[\w-]{43}$/) })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(loadAdminToken(dataDir)).toEqual(first)
    expect(readFileSync(file, 'utf8').trim()).toBe(first.ok && first.value)
  })

  it('is refused when others can read it, and when it is no token', () => {
    loadAdminToken(dataDir)
    chmodSync(file, 0o644)
    expect(loadAdminToken(dataDir)).toMatchObject({ ok: false, error: expect.stringContaining('others can read it') })
    writeFileSync(file, 'secret\n')
    chmodSync(file, 0o600)
    expect(loadAdminToken(dataDir)).toMatchObject({ ok: false, error: expect.stringContaining('holds no token') })
  })

  it('opens the API to a header that bears it, and to no other', () => {
    const check = bearerCheck('a'.repeat(43))
    expect(check(`Bearer ${'a'.repeat(43)}`)).toBe(true)
    expect(check(`bearer  ${'a'.repeat(43)}`)).toBe(true)
    const others = [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      `Bearer ${'a'.repeat(42)}`,
      `Basic ${'a'.repeat(43)}`,
      'a'.repeat(43),
    ]
    for (const header of others) expect(check(header), header ?? 'none').toBe(false)
  })
})
