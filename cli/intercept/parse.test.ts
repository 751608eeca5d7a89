import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCidrs, parseIds, parsePortRanges } from './parse.ts'

describe('a list of ports', () => {
  test.each([
    ['', []],
    ['80', [{ from: 80, to: 80 }]],
    ['443, 80', [80, 443].map(port => ({ from: port, to: port }))],
    [
      '8000-8100,8100-8200,80',
      [
        { from: 80, to: 80 },
        { from: 8000, to: 8200 },
      ],
    ],
    ['1:65535', [{ from: 1, to: 65_535 }]],
    ['80,81', [{ from: 80, to: 81 }]],
  ])('%j is read', (text, ranges) => {
    expect(parsePortRanges(text)).toEqual({ ok: true, value: ranges })
  })

  test.each(['0', '65536', '90-80', '80-', '-80', 'http', '80;443', '80-90-100', '1e3', '٨٠'])(
    '%j is refused',
    text => {
      expect(parsePortRanges(text).ok).toBe(false)
    },
  )

  test('holds the same ports, sorted and apart, however it is written', () => {
    const range = fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 20 }))
    fc.assert(
      fc.property(fc.array(range, { maxLength: 40 }), ranges => {
        const parsed = parsePortRanges(ranges.map(([from, length]) => `${from}-${from + length}`).join(','))
        if (!parsed.ok) throw new Error(parsed.error)
        const wanted = new Set(
          ranges.flatMap(([from, length]) => Array.from({ length: length + 1 }, (_, i) => from + i)),
        )
        const held = parsed.value.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i))
        expect(held).toEqual([...wanted].sort((a, b) => a - b))
        for (const [i, { from }] of parsed.value.entries()) {
          if (i > 0) expect(from).toBeGreaterThan((parsed.value[i - 1]?.to ?? 0) + 1)
        }
      }),
    )
  })
})

test.each([
  ['10.0.0.0/8', [{ family: 4, text: '10.0.0.0/8' }]],
  [
    '169.254.169.254,fd00::/8',
    [
      { family: 4, text: '169.254.169.254/32' },
      { family: 6, text: 'fd00::/8' },
    ],
  ],
  ['0.0.0.0/0', [{ family: 4, text: '0.0.0.0/0' }]],
])('networks %j are read', (text, cidrs) => {
  expect(parseCidrs(text)).toEqual({ ok: true, value: cidrs })
})

test.each([
  '10.0.0.0/33',
  'fd00::/129',
  'example.com',
  '10.0.0.0/8/8',
  '10.0.0.0/',
  '10.0.0.0/-1',
  'fe80::1%eth0',
  '::1; drop',
])('network %j is refused', text => {
  expect(parseCidrs(text).ok).toBe(false)
})

test.each([
  ['1337', [1337]],
  ['1337,0,1337', [0, 1337]],
])('users %j are read', (text, ids) => {
  expect(parseIds(text)).toEqual({ ok: true, value: ids })
})

test.each(['root', '-1', '4294967295', '1.5'])('user %j is refused', text => {
  expect(parseIds(text).ok).toBe(false)
})
