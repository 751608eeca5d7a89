import { describe, expect, it } from 'vitest'
import { fileOfLoop, loopCell, type Row, withoutRows, withRow } from './page.ts'

const row: Row = {
  file: 'e2e/soak/kills.loop.test.ts',
  title: 'kills > nobody | notices',
  failure: undefined,
  tookMs: 61_234,
  figures: { requests: 5_000_000, growthPercent: 3.21459, cause: 'a|b' },
  date: '2026-11-20',
  machine: '2 cores x64, 8.0 GiB, Linux 6.1, Node 26.10.0',
}

describe('the page of the loops', () => {
  it('has one row for each loop, with all that was measured', () => {
    expect(withRow(undefined, row).split('\n').at(-2)).toBe(
      '| `e2e/soak/kills.loop.test.ts` kills > nobody \\| notices | passed | 61.2 s | ' +
        'requests 5,000,000; growthPercent 3.215; cause a\\|b | 2026-11-20 | ' +
        '2 cores x64, 8.0 GiB, Linux 6.1, Node 26.10.0 |',
    )
  })

  it('keeps the rows of other loops, and replaces that of the same one', () => {
    const first = withRow(undefined, row)
    const both = withRow(first, { ...row, title: 'kills > everybody lives' })
    const again = withRow(both, { ...row, failure: 'expected 1\nto be 0', tookMs: 300_000 })
    const rows = again.split('\n').filter(line => line.startsWith('| `'))
    expect(rows).toHaveLength(2)
    expect(rows[0]).toContain('everybody lives | passed')
    expect(rows[1]).toContain('notices | FAILED: expected 1 to be 0 | 5.0 min')
    expect(withRow(again, row)).toBe(both)
  })

  it('lets go of the loops that are gone', () => {
    const other = { ...row, file: 'test/other.loop.test.ts' }
    const page = withRow(withRow(undefined, row), other)
    expect(withoutRows(page, loop => fileOfLoop(loop) !== other.file)).toBe(withRow(undefined, row))
    expect(withoutRows(page, loop => loop === loopCell(other.file, other.title))).toBe(withRow(undefined, other))
  })
})
