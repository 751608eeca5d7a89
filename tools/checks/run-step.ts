import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { projectRoot } from '../law/project-files.ts'

/** One check: what it is called, and the command that makes it. Succeeds when the command does. */
export interface Step {
  readonly name: string
  /** A tool of node_modules/.bin, or `node`; found by its full path, so it doesn't depend on how we were started. */
  readonly command: string
  readonly args: readonly string[]
}

export interface StepResult {
  readonly passed: boolean
  readonly seconds: number
  /** stdout and stderr, in the order of arrival. */
  readonly output: string
}

/** As the import law writes it. */
const WARNING = /: warning: /

/** Where a command lies: our own Node for `node`, else the project's installed tools. */
export function commandPath(command: string): string {
  return command === 'node' ? process.execPath : join(projectRoot, 'node_modules', '.bin', command)
}

/** Runs one step to its end, in the project's root. Never rejects: a command that can't start has not passed. */
function runStep(step: Step): Promise<StepResult> {
  const startedMs = performance.now()
  return new Promise(resolve => {
    const output: Buffer[] = []
    const end = (passed: boolean) =>
      resolve({ passed, seconds: (performance.now() - startedMs) / 1000, output: Buffer.concat(output).toString() })
    const child = spawn(commandPath(step.command), step.args, { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
    child.on('error', error => {
      output.push(Buffer.from(`Cannot start ${step.command}: ${error.message}. Run "npm ci" and try again.\n`))
      end(false)
    })
    child.on('close', code => end(code === 0))
  })
}

/**
 * Runs steps one after another: a line each, all output of those that fail, and the warnings of those that pass.
 * Returns whether all passed.
 */
export async function runSteps(
  steps: readonly Step[],
  print: (line: string) => void,
  run: (step: Step) => Promise<StepResult> = runStep,
): Promise<boolean> {
  const failed: string[] = []
  const startedMs = performance.now()
  for (const step of steps) {
    const result = await run(step)
    print(`${result.passed ? 'ok  ' : 'FAIL'} ${step.name.padEnd(36)} ${result.seconds.toFixed(1).padStart(5)} s`)
    if (!result.passed) failed.push(step.name)
    const shown = result.output.split('\n').filter(line => !result.passed || WARNING.test(line))
    for (const line of shown) if (line !== '') print(`     ${line}`)
  }
  const total = ((performance.now() - startedMs) / 1000).toFixed(1)
  print(
    failed.length === 0
      ? `All ${steps.length} checks passed in ${total} s`
      : `${failed.length} of ${steps.length} checks failed in ${total} s: ${failed.join(', ')}`,
  )
  return failed.length === 0
}
