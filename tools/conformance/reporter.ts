import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node'
import { projectRoot } from '../law/project-files.ts'
import { collect, problemsOf, type Tried } from './collect.ts'
import { sections } from './lines.ts'
import { pageOf } from './page.ts'

const PAGE = 'docs/conformance.md'

/**
 * Writes docs/conformance.md at the end of a full run, and fails that run when the page was not what it is now, or when
 * a line that the project claims has no passing test. `npm test` names this reporter when it runs everything.
 */
export default class ConformanceReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], _errors: readonly unknown[], reason: string): void {
    if (reason === 'interrupted') return
    const collected = collect(sections, modules.flatMap(triedIn))
    const problems = problemsOf(collected)
    if (rewritten(pageOf(collected.sections))) {
      problems.push(`${PAGE} was not up to date and has been written again: look at what changed, and commit it`)
    }
    if (problems.length === 0) return
    process.exitCode = 1
    // After the closing lines of vitest, so that nobody takes a green summary for the whole.
    process.once('exit', () => {
      process.exitCode = 1
      console.error(`\nFAIL conformance\n${problems.map(problem => `     ${problem}`).join('\n')}`)
    })
  }
}

/** Whether the page had to change. */
function rewritten(page: string): boolean {
  const path = join(projectRoot, PAGE)
  if (existsSync(path) && readFileSync(path, 'utf8') === page) return false
  writeFileSync(path, page)
  return true
}

function triedIn(module: TestModule): Tried[] {
  const file = module.relativeModuleId
  return [...module.children.allTests()].flatMap(test => {
    const { state } = test.result()
    return state === 'passed' || state === 'failed'
      ? [{ file, titles: titlesOf(test), passed: state === 'passed' }]
      : []
  })
}

function titlesOf(test: TestCase): string[] {
  const titles = [test.name]
  for (let at: TestSuite | TestModule = test.parent; at.type === 'suite'; at = at.parent) titles.unshift(at.name)
  return titles
}
