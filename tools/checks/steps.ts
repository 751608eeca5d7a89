import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../law/project-files.ts'
import type { Step } from './run-step.ts'

const GENERATOR = 'tools/generate.ts'

/** What can be judged without running the project. Cheap first, so that a slip is known at once. */
export function staticSteps(): Step[] {
  const steps: Step[] = [
    { name: 'format and lint (biome)', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
    { name: 'import law (tools/rooms.ts)', command: 'node', args: ['tools/rooms.ts', '--check'] },
    { name: 'types (tsc)', command: 'tsc', args: ['-p', '.'] },
    { name: 'unused code and dependencies (knip)', command: 'knip', args: ['--no-progress'] },
  ]
  if (existsSync(join(projectRoot, GENERATOR))) {
    steps.push({ name: 'generated files up to date', command: 'node', args: [GENERATOR, '--check'] })
  }
  return steps
}

export function unitTestStep(): Step {
  return { name: 'unit tests (vitest)', command: 'vitest', args: ['run', '--project', 'unit'] }
}
