import { describe, expect, it } from 'vitest'
import { refusalLog } from './refusal-log.ts'

function fixture() {
  let nowMs = 0
  const lines: unknown[] = []
  const log = refusalLog({ warn: (fields: unknown) => void lines.push(fields) }, { nowMs: () => nowMs })
  const advance = (ms: number): void => {
    nowMs += ms
  }
  return { lines, log, advance }
}

describe('the log of refusals', () => {
  it('has a line for each while they are rare', () => {
    const { lines, log, advance } = fixture()
    for (let n = 0; n < 100; n++) {
      log('expired', { why: String(n) }, 'Refused')
      advance(3_000)
    }
    expect(lines).toHaveLength(100)
  })

  it('has twenty of a flood, then one in three seconds, which says how many were left out', () => {
    const { lines, log, advance } = fixture()
    for (let n = 0; n < 1_000; n++) log('expired', { why: 'x' }, 'Refused')
    expect(lines).toHaveLength(20)
    advance(2_999)
    log('expired', { why: 'x' }, 'Refused')
    expect(lines).toHaveLength(20)
    advance(1)
    log('expired', { why: 'x' }, 'Refused')
    expect(lines.slice(20)).toEqual([{ why: 'x', leftOut: 981 }])
  })

  it('lets a flood of one kind hide no other', () => {
    const { lines, log } = fixture()
    for (let n = 0; n < 1_000; n++) log('expired', { why: 'x' }, 'Refused')
    log('wrong CA', { why: 'y' }, 'Refused')
    expect(lines.at(-1)).toEqual({ why: 'y' })
  })

  it('keeps a bounded number of kinds, however many are made up', () => {
    const { lines, log } = fixture()
    for (let n = 0; n < 10_000; n++) log(`kind ${n}`, { why: 'x' }, 'Refused')
    expect(lines.length).toBeLessThan(256 + 20)
  })
})
