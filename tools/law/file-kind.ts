import { posix } from 'node:path'

const TEST_ROOMS = new Set(['test', 'e2e'])

/** Whether a path is test code: `x.test.ts`, a suite or fixture beside its source, or anything in the rooms for tests. */
export function isKindOfTest(path: string): boolean {
  return /(\.(test|fixture)|\/conformance)\.ts$/.test(path) || TEST_ROOMS.has(path.split('/')[0] ?? '')
}

/** Whether a path may read the environment (rule 10): the places where programs begin, and their tests. */
export function mayReadEnvironment(path: string): boolean {
  const first = path.split('/')[0] ?? ''
  return posix.basename(path) === 'config.ts' || ['bin', 'tools', 'bench'].includes(first) || isKindOfTest(path)
}
