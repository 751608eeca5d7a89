// `npm test`: everything. The checks of `npm run ok`, then all tests; vitest's closing lines are the last thing printed.
// Arguments go to vitest: `npm test -- test/h1` runs the tests of these files only. Without any, the run also writes docs/conformance.md.
import { spawn } from 'node:child_process'
import { commandPath, runSteps } from './checks/run-step.ts'
import { staticSteps } from './checks/steps.ts'
import { projectRoot } from './law/project-files.ts'

const checked = await runSteps(staticSteps(), line => console.log(line))

// A failed check doesn't hide what the tests would say: both are shown, and either fails the whole.
const args = process.argv.slice(2)
const reporters = args.length === 0 ? ['--reporter=default', '--reporter=./tools/conformance/reporter.ts'] : []
const vitest = spawn(commandPath('vitest'), ['run', ...reporters, ...args], { cwd: projectRoot, stdio: 'inherit' })
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => vitest.kill(signal))
// A terminal sends Ctrl-C to vitest as well: it ends its own way, and we report its status.
process.on('SIGINT', () => {})
vitest.on('error', error => {
  console.error(`Cannot start vitest: ${error.message}. Run "npm ci" and try again.`)
  process.exitCode = 1
})
vitest.on('close', code => {
  if (!checked)
    console.error('The tests above count for nothing while a check fails: see the lines marked FAIL at the top.')
  process.exitCode = checked ? (code ?? 1) : 1
})
