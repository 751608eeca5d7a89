import { describe, expect, test } from 'vitest'
import { parseBytesWithin, parseCountWithin } from './mod.ts'

describe('a number of bytes', () => {
  test.each([
    ['256MiB', 268_435_456],
    ['1.5GB', 1_500_000_000],
    ['64KiB', 65_536],
    ['1000B', 1_000],
    ['0.5GiB', 536_870_912],
  ])('%s is %d', (text, bytes) => {
    expect(parseBytesWithin(text, 1, 2e9)).toEqual({ ok: true, value: bytes })
  })

  test.each(['', '256', '256 MiB', '-1MiB', '1e3MiB', '256mib', '256TiB', '.5GiB', '1.GiB', '0x1B', 'MiB'])(
    '"%s" is none',
    text => {
      expect(parseBytesWithin(text, 0, 1e15)).toEqual({ ok: false, error: expect.stringContaining('as in 256MiB') })
    },
  )

  test('is held to its bounds', () => {
    expect(parseBytesWithin('99B', 100, 200).ok).toBe(false)
    expect(parseBytesWithin('100B', 100, 200).ok).toBe(true)
    expect(parseBytesWithin('200B', 100, 200).ok).toBe(true)
    expect(parseBytesWithin('201B', 100, 200)).toEqual({
      ok: false,
      error: '201B is out of bounds: use at least 100 and at most 200 bytes',
    })
  })
})

test('a count is a whole number within bounds', () => {
  expect(parseCountWithin('10', 10, 20)).toEqual({ ok: true, value: 10 })
  for (const text of ['', '9', '21', '1.5', '-10', '1e1', ' 10']) expect(parseCountWithin(text, 10, 20).ok).toBe(false)
})
