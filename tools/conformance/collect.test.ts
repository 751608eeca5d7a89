import { describe, expect, it } from 'vitest'
import { collect, problemsOf, type Tried } from './collect.ts'
import type { Section } from './lines.ts'
import { sections } from './lines.ts'
import { pageOf } from './page.ts'

const section: Section = {
  id: 'XX',
  title: 'Things',
  lines: ['One holds', 'Two holds', 'Three holds', 'Four holds'],
  claimed: [1, 2],
  later: [4],
}

function tried(title: string, passed = true, file = 'a.test.ts'): Tried {
  return { file, titles: title.split(' > '), passed }
}

function resultsOf(...tests: readonly Tried[]): string[] {
  return collect([section], tests).sections[0]!.lines.map(({ result }) => result)
}

describe('collecting', () => {
  it('takes numbers from the title of a test and from each describe around it', () => {
    expect(resultsOf(tried('[XX-1] one > deep > [XX-2] two'))).toEqual(['passed', 'passed', 'open', 'later'])
  })

  it('takes a number in brackets only, and no other that begins like it', () => {
    expect(resultsOf(tried('XX-1: one'), tried('(XX-2) two'), tried('[XX-33] three'))[0]).toBe('open')
  })

  it('fails a line when one of its tests failed', () => {
    expect(resultsOf(tried('[XX-1] a'), tried('[XX-1] b', false))).toEqual(['failed', 'open', 'open', 'later'])
  })

  it('calls a line of what is not built held in part as soon as it has a test', () => {
    expect(resultsOf(tried('[XX-4] early'))).toEqual(['open', 'open', 'open', 'partial'])
  })

  it('gives the same whatever the order of the tests, and one proof for rows with one title', () => {
    const tests = [tried('[XX-1] b'), tried('[XX-1] a', true, 'b.test.ts'), tried('[XX-1] a'), tried('[XX-1] b', false)]
    const expected = [
      { file: 'a.test.ts', title: '[XX-1] a', passed: true },
      { file: 'a.test.ts', title: '[XX-1] b', passed: false },
      { file: 'b.test.ts', title: '[XX-1] a', passed: true },
    ]
    expect(collect([section], tests).sections[0]!.lines[0]!.proofs).toEqual(expected)
    expect(collect([section], tests.toReversed()).sections[0]!.lines[0]!.proofs).toEqual(expected)
  })
})

describe('what a run is told', () => {
  it('is nothing when all claimed lines have passed', () => {
    expect(problemsOf(collect([section], [tried('[XX-1] [XX-2] both')]))).toEqual([])
  })

  it('is each claimed line without a test, each failed line, and each number that no line has', () => {
    const collected = collect([section], [tried('[XX-3] three', false), tried('[XX-2] two'), tried('[XX-5] none')])
    expect(problemsOf(collected)).toEqual([
      'XX-1 is claimed and has no test: write [XX-1] into the title of the test that proves it',
      'XX-3 has a test that failed',
      "a.test.ts names a line that there isn't: [XX-5] none",
    ])
  })
})

describe('the page', () => {
  it('has each line with its tests and its result, and no other', () => {
    const page = pageOf(collect([section], [tried('[XX-1] a'), tried('[XX-1] b `c` \n\u00e9', false)]).sections)
    expect(page).toContain('| all | 4 | 0 | 1 | 0 | 2 | 1 |')
    expect(page.slice(page.indexOf('### XX-1'), page.indexOf('### XX-3'))).toBe(
      [
        '### XX-1: FAILED\n\nOne holds.\n\n- `a.test.ts`\n',
        '  - `[XX-1] a`\n  - FAILED: `` [XX-1] b `c` \\u000a\\u00e9 ``\n\n',
        '### XX-2: no test yet\n\nTwo holds.\n\n',
      ].join(''),
    )
  })
})

describe('the checklist', () => {
  it('has each section once, and claims nothing that there is not or that is not built', () => {
    expect(new Set(sections.map(({ id }) => id)).size).toBe(sections.length)
    for (const { id, lines, claimed, later } of sections) {
      for (const number of [...claimed, ...later]) expect(lines[number - 1], `${id}-${number}`).toBeDefined()
      expect(claimed.filter(number => later.includes(number))).toEqual([])
      expect(new Set(lines).size).toBe(lines.length)
    }
  })
})
