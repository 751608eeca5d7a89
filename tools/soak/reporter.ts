import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, availableParallelism, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node'
import { projectRoot } from '../law/project-files.ts'
import { fileOfLoop, loopCell, withoutRows, withRow } from './page.ts'

const PAGE = join(projectRoot, 'docs/soak.md')
/** How often a loop that runs is named, so that nobody takes an hour of silence for a hang. */
const HEARTBEAT_MS = 60_000
const GIB = 2 ** 30

/** Writes the row of each loop to docs/soak.md as soon as the loop has ended: `npm run soak`. */
export default class SoakReporter implements Reporter {
  readonly #running = new Map<TestCase, number>()
  #cancelled = false

  onInit(vitest: Vitest): void {
    setInterval(() => this.#tell(), HEARTBEAT_MS).unref()
    // A loop that Ctrl-C cut short says nothing about the product.
    vitest.onCancel(() => {
      this.#cancelled = true
    })
  }

  onTestCaseReady(test: TestCase): void {
    this.#running.set(test, performance.now())
  }

  onTestCaseResult(test: TestCase): void {
    this.#running.delete(test)
    const result = test.result()
    if (this.#cancelled || result.state === 'skipped' || result.state === 'pending') return
    // A test beside the loops, which only passes, has nothing to say here.
    if (result.state === 'passed' && test.meta().figures === undefined) return
    const row = {
      file: test.module.relativeModuleId,
      title: test.fullName,
      failure: result.state === 'failed' ? (result.errors[0]?.message.split('\n')[0] ?? 'no reason given') : undefined,
      tookMs: test.diagnostic()?.duration ?? 0,
      figures: test.meta().figures ?? {},
      date: new Date().toISOString().slice(0, 10),
      machine: machine(),
    }
    write(withRow(page(), row))
  }

  /** Forgets loops that are not there any more: those of this file, and those of files that are gone. */
  onTestModuleEnd(module: TestModule): void {
    if (this.#cancelled || !module.ok()) return
    const file = module.relativeModuleId
    const measured = [...module.children.allTests()].filter(test => test.meta().figures !== undefined)
    const loops = new Set(measured.map(test => loopCell(file, test.fullName)))
    write(
      withoutRows(page(), loop => {
        const from = fileOfLoop(loop)
        return from === file ? loops.has(loop) : existsSync(join(projectRoot, from))
      }),
    )
  }

  #tell(): void {
    for (const [test, sinceMs] of this.#running) {
      console.log(`... ${Math.round((performance.now() - sinceMs) / 60_000)} min: ${test.fullName}`)
    }
  }
}

function page(): string | undefined {
  return existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : undefined
}

function write(text: string): void {
  writeFileSync(PAGE, text)
}

function machine(): string {
  const memory = `${(totalmem() / GIB).toFixed(1)} GiB`
  return `${availableParallelism()} cores ${arch()}, ${memory}, ${type()} ${release()}, Node ${process.versions.node}`
}
