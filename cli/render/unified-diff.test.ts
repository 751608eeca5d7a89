import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unifiedDiff } from './unified-diff.ts'

const lines = (text: string): string[] => (text === '' ? [] : text.split(' '))

test.each([
  ['', '', []],
  ['a b', 'a b', []],
  ['', 'a', ['@@ -0,0 +1,1 @@', '+a']],
  ['a', '', ['@@ -1,1 +0,0 @@', '-a']],
  ['a b c', 'a x c', ['@@ -1,3 +1,3 @@', ' a', '-b', '+x', ' c']],
  ['1 2 3 4 5 6', '1 2 3 4 5 x', ['@@ -3,4 +3,4 @@', ' 3', ' 4', ' 5', '-6', '+x']],
])('%j to %j', (before, after, expected) => {
  expect(unifiedDiff(lines(before), lines(after))).toEqual(expected)
})

test('changes far apart stand in hunks of their own, near ones together', () => {
  const before = Array.from({ length: 30 }, (_, index) => `${index}`)
  const hunks = (...changed: number[]) =>
    unifiedDiff(
      before,
      before.map((line, index) => (changed.includes(index) ? 'x' : line)),
    ).filter(line => line.startsWith('@@'))
  expect(hunks(5, 12)).toEqual(['@@ -3,14 +3,14 @@'])
  expect(hunks(5, 13)).toEqual(['@@ -3,7 +3,7 @@', '@@ -11,7 +11,7 @@'])
})

test('what it says turns the one text into the other', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 })
  fc.assert(
    fc.property(text, text, (before, after) => {
      expect(patched(before, unifiedDiff(before, after))).toEqual(after)
    }),
  )
})

/** As `patch` does it: each hunk must be where it says. */
function patched(before: readonly string[], diff: readonly string[]): string[] {
  const out: string[] = []
  let at = 0
  for (const line of diff) {
    const hunk = /^@@ -(\d+),(\d+) /.exec(line)
    if (hunk !== null) {
      const begin = Number(hunk[2]) === 0 ? Number(hunk[1]) : Number(hunk[1]) - 1
      out.push(...before.slice(at, begin))
      at = begin
    } else if (line[0] === '+') out.push(line.slice(1))
    else {
      expect(before[at]).toBe(line.slice(1))
      if (line[0] === ' ') out.push(line.slice(1))
      at++
    }
  }
  return [...out, ...before.slice(at)]
}
