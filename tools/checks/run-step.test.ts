import { describe, expect, it } from 'vitest'
import { runSteps, type Step } from './run-step.ts'

const step = (name: string): Step => ({ name, command: 'node', args: [] })

/** Runs steps of which each has a given output, and returns what was printed. */
async function printed(outputs: Record<string, { readonly passed: boolean; readonly output: string }>) {
  const lines: string[] = []
  const passed = await runSteps(
    Object.keys(outputs).map(step),
    line => lines.push(line.replaceAll(/\d+\.\d/g, 'N').replaceAll(/ +/g, ' ')),
    async one => ({ seconds: 1, ...outputs[one.name]! }),
  )
  return { passed, lines }
}

describe('checks', () => {
  it('say one line each and the total when all pass', async () => {
    const result = await printed({ types: { passed: true, output: 'chatter\n' }, tests: { passed: true, output: '' } })
    expect(result).toEqual({ passed: true, lines: ['ok types N s', 'ok tests N s', 'All 2 checks passed in N s'] })
  })

  it('show all output of one that fails, and go on to the others', async () => {
    const result = await printed({
      types: { passed: false, output: 'a.ts(1): error\nb.ts(2): error\n' },
      tests: { passed: true, output: '' },
    })
    expect(result.passed).toBe(false)
    expect(result.lines).toEqual([
      'FAIL types N s',
      ' a.ts(1): error',
      ' b.ts(2): error',
      'ok tests N s',
      '1 of 2 checks failed in N s: types',
    ])
  })

  it('show the warnings of one that passes', async () => {
    const result = await printed({ law: { passed: true, output: 'a.ts:1: warning: length: has 301 lines\n3 files\n' } })
    expect(result.passed).toBe(true)
    expect(result.lines[1]).toBe(' a.ts:1: warning: length: has 301 lines')
    expect(result.lines).toHaveLength(3)
  })
})
