// `npm run build`: compiles what the published package needs to dist/. Node strips no types below node_modules, so a package of
// sources would not start. Everything that cli/main.ts reaches is compiled, and nothing else: no tests, no tools.
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runSteps } from './checks/run-step.ts'
import { projectRoot } from './law/project-files.ts'

// What an earlier build left must not be published.
rmSync(join(projectRoot, 'dist'), { recursive: true, force: true })
const compiled = await runSteps(
  [{ name: 'compile to dist/ (tsc)', command: 'tsc', args: ['-p', 'tools/tsconfig.build.json'] }],
  line => console.error(line),
)
const entry = 'dist/cli/main.js'
if (compiled && !existsSync(join(projectRoot, entry))) {
  console.error(`Cannot build: tsc made no ${entry}. Check rootDir and include in tools/tsconfig.build.json.`)
  process.exitCode = 1
} else {
  process.exitCode = compiled ? 0 : 1
}
