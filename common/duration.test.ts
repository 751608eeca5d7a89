import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDurationMs, parseDurationMs } from './mod.ts'

test.each([
  ['0s', 0],
  ['250ms', 250],
  ['10s', 10_000],
  ['1h30m', 5_400_000],
  ['1m1m', 120_000],
  ['99999h', 359_996_400_000],
  ['1h2m3s4ms', 3_723_004],
  ['00001s', 1_000],
])('%s is %i ms', (text, ms) => {
  expect(parseDurationMs(text)).toEqual({ ok: true, value: ms })
})

test.each([
  '',
  '0',
  '10',
  's',
  '-1s',
  '+1s',
  '1.5s',
  '1d',
  '1us',
  '100000s',
  '1s ',
  ' 1s',
  '1 s',
  '1S',
  '1s1s1s1s1s',
  '1s\n',
  '١s',
])('%j is no duration', text => {
  expect(parseDurationMs(text)).toMatchObject({ ok: false, error: expect.stringContaining('is not a duration') })
})

describe('[GW-12] any text', () => {
  const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }
  const almost = fc
    .array(
      fc.oneof(
        { arbitrary: fc.constantFrom('h', 'm', 's', 'ms'), weight: 4 },
        { arbitrary: fc.nat(123_456).map(String), weight: 4 },
        { arbitrary: fc.constantFrom('0', '00012', '.', '-', '+', ' ', 'd', 'us', 'H', '\n', '\u0661', ''), weight: 1 },
      ),
      { maxLength: 10 },
    )
    .map(parts => parts.join(''))
  const parts = fc.array(fc.tuple(fc.nat(99_999), fc.constantFrom('h', 'm', 's', 'ms')), { minLength: 1, maxLength: 6 })

  test('is a duration when it has the form of the standard, and no other', () => {
    const form = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/
    fc.assert(
      fc.property(
        fc.oneof(
          almost,
          parts.map(each => each.flat().join('')),
        ),
        text => {
          expect(parseDurationMs(text).ok).toBe(form.test(text))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('that is one means the sum of its parts', () => {
    fc.assert(
      fc.property(parts, all => {
        const sumMs = all.reduce((sum, [count, unit]) => sum + count * UNIT_MS[unit]!, 0)
        const parsed = parseDurationMs(all.flat().join(''))
        expect(parsed.ok ? parsed.value : undefined).toBe(all.length <= 4 ? sumMs : undefined)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('what is written', () => {
  test('is read again, to the millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 359_996_400_000 }), ms => {
        expect(parseDurationMs(formatDurationMs(ms))).toEqual({ ok: true, value: ms })
      }),
    )
  })

  test('has no part that is zero, unless it is nothing', () => {
    expect(formatDurationMs(0)).toBe('0s')
    expect(formatDurationMs(3_600_001)).toBe('1h1ms')
    expect(formatDurationMs(0.4)).toBe('0s')
    expect(formatDurationMs(59_999.6)).toBe('1m')
  })
})
