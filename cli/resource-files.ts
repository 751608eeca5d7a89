import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { formatProblem, parseResources, type Resource } from '../model/resources/mod.ts'
import { CliFailure, codeOf, messageOf } from './failure.ts'

/** The resources of all files (`-` is stdin), in their order. Throws `CliFailure` with every problem of every file, one a line. */
export function readResourceFiles(files: readonly string[]): Resource[] {
  const resources: Resource[] = []
  const problems: string[] = []
  for (const file of files) {
    const parsed = parseResources(readText(file))
    if (parsed.ok) resources.push(...parsed.value)
    else problems.push(...parsed.error.map(problem => `  ${nameOf(file)}: ${formatProblem(problem)}`))
  }
  if (problems.length > 0) {
    throw new CliFailure(`Cannot use ${files.map(nameOf).join(', ')}: correct this first\n${problems.join('\n')}`)
  }
  if (resources.length === 0)
    throw new CliFailure(`Cannot use ${files.map(nameOf).join(', ')}: no resource is in there`)
  return resources
}

function readText(file: string): string {
  try {
    // 0 is stdin.
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT')
      throw new CliFailure(`Cannot read ${file}: there is no file ${resolve(file)}; check the path`)
    throw new CliFailure(`Cannot read ${nameOf(file)}: ${messageOf(thrown)}`)
  }
}

function nameOf(file: string): string {
  return file === '-' ? 'stdin' : file
}
