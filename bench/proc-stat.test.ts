import { describe, expect, it } from 'vitest'
import { parseRssKb, parseStat } from './proc-stat.ts'

describe('proc stat', () => {
  it('reads user and system ticks behind a command with spaces and parentheses', () => {
    const text = '42 (a (b) c d) S 1 42 42 0 -1 4194304 100 0 0 0 123 456 0 0 20 0 1 0 100 1000 200'
    expect(parseStat(text)).toEqual({ user: 123, system: 456 })
  })

  it('reads resident memory', () => {
    expect(parseRssKb('Name:\tnode\nVmRSS:\t  61234 kB\nRssAnon:\t 1 kB\n')).toBe(61_234)
  })

  it('a kernel thread has no resident memory', () => {
    expect(parseRssKb('Name:\tkthreadd\n')).toBe(0)
  })
})
