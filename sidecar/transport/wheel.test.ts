import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Timer, TimerWheel } from './mod.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }))
afterEach(() => void vi.useRealTimers())

/** A wheel on virtual time, which begins at a moment that is no whole tick. */
function wheel() {
  vi.advanceTimersByTime(3)
  const made = new TimerWheel(() => performance.now())
  const fired: { readonly name: string; readonly lateMs: number }[] = []
  const set = (name: string, delayMs: number, then: () => void = () => {}): Timer => {
    const due = performance.now() + delayMs
    const timer = new Timer(() => {
      fired.push({ name, lateMs: performance.now() - due })
      then()
    })
    made.set(timer, delayMs)
    return timer
  }
  return { made, set, fired, names: () => fired.map(({ name }) => name) }
}

describe('a timer', () => {
  test.each([0, 1, 9, 10, 11, 99, 100, 5_119, 5_120, 5_121, 30_000, 300_000])(
    'of %i ms is never early, and at most 20 ms late',
    delayMs => {
      for (const offset of [0, 1, 5, 9]) {
        const { set, fired } = wheel()
        set('other', 100)
        vi.advanceTimersByTime(offset)
        set('this', delayMs)
        vi.advanceTimersByTime(delayMs + 20)
        const late = fired.find(({ name }) => name === 'this')?.lateMs
        expect(late).toBeGreaterThanOrEqual(0)
        expect(late).toBeLessThanOrEqual(20)
      }
    },
  )

  test('fires once', () => {
    const { set, names } = wheel()
    set('a', 50)
    vi.advanceTimersByTime(60_000)
    expect(names()).toEqual(['a'])
  })

  test('that is cleared does not fire; clearing twice, or what was never set, is nothing', () => {
    const { made, set, names } = wheel()
    const timer = set('a', 50)
    made.clear(timer)
    made.clear(timer)
    made.clear(new Timer(() => {}))
    vi.advanceTimersByTime(1_000)
    expect(names()).toEqual([])
  })

  test('that is set again fires at its new time alone', () => {
    const { made, set, names } = wheel()
    const timer = set('a', 50)
    vi.advanceTimersByTime(40)
    made.set(timer, 500)
    vi.advanceTimersByTime(490)
    expect(names()).toEqual([])
    vi.advanceTimersByTime(30)
    expect(names()).toEqual(['a'])
  })

  test('may be set again while it fires', () => {
    const { made, set, names } = wheel()
    let left = 3
    const timer: Timer = set('a', 0, () => --left > 0 && made.set(timer, 0))
    vi.advanceTimersByTime(100)
    expect(names()).toEqual(['a', 'a', 'a'])
  })

  test('may be set again while it fires, for a whole turn of the wheel', () => {
    const { made, set, fired } = wheel()
    const timer: Timer = set('a', 5_120, () => made.set(timer, 5_120))
    vi.advanceTimersByTime(5_120 * 5)
    expect(fired.length).toBe(5)
  })

  test('may clear others that are due with it, and set new ones', () => {
    const { made, set, names } = wheel()
    const others: Timer[] = []
    const clearing = () => {
      for (const other of others) made.clear(other)
      if (others.length > 0) set('new', 10)
      others.length = 0
    }
    for (const name of ['a', 'b', 'c', 'd']) others.push(set(name, 30, clearing))
    vi.advanceTimersByTime(100)
    expect(names().length).toBe(2)
    expect(names()[1]).toBe('new')
  })
})

describe('the wheel', () => {
  test('runs an interval only while something is set', () => {
    const { made, set } = wheel()
    expect(vi.getTimerCount()).toBe(0)
    const timer = set('a', 50)
    expect(vi.getTimerCount()).toBe(1)
    made.clear(timer)
    vi.advanceTimersByTime(20)
    expect(vi.getTimerCount()).toBe(0)
    set('b', 50)
    made.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('after it has slept for long, fires what is due at once and nothing else', () => {
    let now = 0
    const made = new TimerWheel(() => now)
    const fired: string[] = []
    for (const [name, delayMs] of [
      ['early', 100],
      ['mid', 6_000],
      ['late', 60_000],
      ['later', 60_500],
    ] as const)
      made.set(new Timer(() => void fired.push(name)), delayMs)
    now = 60_200
    made.advance()
    expect(fired.toSorted()).toEqual(['early', 'late', 'mid'])
    now = 60_600
    made.advance()
    expect(fired.length).toBe(4)
    made.close()
  })

  test('[LOAD-7] hears what the kernel has to tell before it fires after the loop stood still', async () => {
    const fired: string[] = []
    let nowMs = 0
    const made = new TimerWheel(() => nowMs)
    const overtaken = new Timer(() => void fired.push('overtaken'))
    made.set(overtaken, 1_000)
    made.set(new Timer(() => void fired.push('due')), 1_000)
    nowMs = 5_000
    vi.advanceTimersByTime(20)
    expect(fired).toEqual([])
    // The answer had come long ago: its event runs before what is due.
    made.clear(overtaken)
    await new Promise(resolve => setImmediate(resolve))
    expect(fired).toEqual(['due'])
    // In time again, it fires at once.
    made.set(new Timer(() => void fired.push('next')), 10)
    nowMs += 20
    vi.advanceTimersByTime(10)
    expect(fired).toEqual(['due', 'next'])
    made.close()
  })

  test('keeps every promise, whatever is set and cleared when', () => {
    const step = fc.record({
      kind: fc.constantFrom('set', 'set', 'clear', 'wait'),
      which: fc.nat(5),
      ms: fc.oneof(fc.nat(60), fc.nat(12_000)),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        let now = 0
        const made = new TimerWheel(() => now)
        const due = new Map<number, number>()
        const timers = Array.from({ length: 6 }, (_, i) => {
          return new Timer(() => {
            const at = due.get(i)
            expect(at).toBeDefined()
            expect(now).toBeGreaterThanOrEqual(at!)
            expect(now - at!).toBeLessThanOrEqual(20)
            due.delete(i)
          })
        })
        for (const { kind, which, ms } of steps) {
          if (kind === 'set') {
            due.set(which, now + ms)
            made.set(timers[which]!, ms)
          } else if (kind === 'clear') {
            due.delete(which)
            made.clear(timers[which]!)
          } else
            for (const end = now + ms; now < end; ) {
              now = Math.min(end, now + 10)
              made.advance()
            }
        }
        while (due.size > 0 && now < 1_000_000) {
          now += 10
          made.advance()
        }
        expect(due.size).toBe(0)
        made.close()
      }),
      { numRuns: 300 },
    )
  })
})
