import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

/** In the environment of everything that one test starts, however deep below it. */
export const MARK_VARIABLE = 'E2E_MARK'

export interface MarkedProcess {
  readonly pid: number
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

export function newMark(): string {
  return randomUUID()
}

/** All living processes that bear the mark, from Linux's /proc. A zombie has no environment any more, and does not count. */
export function markedProcesses(mark: string): MarkedProcess[] {
  const found: MarkedProcess[] = []
  for (const entry of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue
    try {
      const environ = readFileSync(`/proc/${entry}/environ`, 'utf8')
      if (!environ.includes(`${MARK_VARIABLE}=${mark}`)) continue
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0').slice(0, -1)
      found.push({ pid: Number(entry), command, environment: variables(environ) })
    } catch {
      // It has ended while we looked.
    }
  }
  return found
}

function variables(environ: string): Record<string, string> {
  return Object.fromEntries(
    environ
      .split('\0')
      .filter(entry => entry.includes('='))
      .map(entry => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  )
}

/** The value of a flag of a command line. */
export function flagOf({ command }: MarkedProcess, flag: string): string | undefined {
  const at = command.indexOf(flag)
  return at === -1 ? undefined : command[at + 1]
}

/** Which of our programs it is, such as `sidecar`: what follows our entry, whatever Node is told before that. */
export function roleOf({ command }: MarkedProcess): string | undefined {
  const entry = command.findIndex(argument => argument.endsWith('selvedge.js'))
  return entry === -1 ? undefined : command[entry + 1]
}
