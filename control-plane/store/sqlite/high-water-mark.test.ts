import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MarkFile, readMark } from './high-water-mark.ts'

describe('the high-water mark', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'selvedge-mark-'))
    path = join(folder, 'mark')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  function written(...sequences: readonly number[]): void {
    const file = new MarkFile(path, { sequence: 0, revision: 0 })
    for (const sequence of sequences) file.write({ sequence, revision: sequence * 10 })
    file.close()
  }

  it('says what was written last, and begins with what it is made with', () => {
    expect(readMark(path)).toEqual({ ok: true, value: undefined })
    written()
    expect(readMark(path)).toEqual({ ok: true, value: { sequence: 0, revision: 0 } })
    written(1, 2, 3)
    expect(readMark(path)).toEqual({ ok: true, value: { sequence: 3, revision: 30 } })
    expect(statSync(path)).toMatchObject({ size: 1024, mode: 0o100600 })
  })

  it('never grows, so that a full disk does not stop it', () => {
    written(...Array.from({ length: 50 }, (_, i) => i + 1))
    expect(statSync(path).size).toBe(1024)
    expect(readMark(path)).toMatchObject({ value: { sequence: 50 } })
  })

  it('says the one before when a crash has cut the last write, wherever', () => {
    written(1, 2, 3)
    const whole = readFileSync(path)
    for (let at = 512; at < 1024; at += 7) {
      const torn = Buffer.from(whole)
      torn.fill(0, at, 1024)
      writeFileSync(path, torn)
      const { value } = readMark(path) as { value: { sequence: number } }
      // Behind the text are blanks, which say nothing.
      expect([2, 3]).toContain(value.sequence)
      if (at < 512 + 80) expect(value.sequence).toBe(2)
    }
  })

  it('is damaged when neither half is what was written', () => {
    written(1, 2)
    for (const bytes of ['', 'notes', 'selvedge-mark 7 7 00']) {
      writeFileSync(path, bytes)
      expect(readMark(path)).toEqual({ ok: false, error: 'is damaged' })
    }
  })
})
