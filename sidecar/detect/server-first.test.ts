import { describe, expect, test } from 'vitest'
import { ServerFirst } from './mod.ts'

const HOUR_MS = 3_600_000

function memory() {
  const clock = { nowMs: 5 }
  return { clock, known: new ServerFirst(() => clock.nowMs) }
}

describe('who speaks first', () => {
  test('is remembered for an hour after it was last heard', () => {
    const { clock, known } = memory()
    expect(known.has('mysql:3306')).toBe(false)
    known.remember('mysql:3306')
    clock.nowMs += HOUR_MS - 1
    expect(known.has('mysql:3306')).toBe(true)
    known.remember('mysql:3306')
    clock.nowMs += HOUR_MS - 1
    expect(known.has('mysql:3306')).toBe(true)
    clock.nowMs += 1
    expect(known.has('mysql:3306')).toBe(false)
    expect(known.size).toBe(0)
  })

  test('is forgotten when its callers have spoken first', () => {
    const { known } = memory()
    known.remember('a:1')
    known.forget('a:1')
    expect(known.has('a:1')).toBe(false)
  })

  test('is remembered within a bound: who was heard of longest ago makes room', () => {
    const { known } = memory()
    for (let i = 0; i < 1_000; i++) known.remember(`a:${i}`)
    known.remember('a:0')
    for (let i = 1_000; i < 1_500; i++) known.remember(`a:${i}`)
    expect(known.size).toBe(1_000)
    expect(known.has('a:0')).toBe(true)
    expect(known.has('a:1')).toBe(false)
    expect(known.has('a:1499')).toBe(true)
  })
})
