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
