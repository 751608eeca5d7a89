import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { EXIT } from '../failure.ts'
import { count, milliseconds } from '../render/mod.ts'
import type { WaitAnswer } from '../rest/mod.ts'
import { durationMs } from './duration.ts'

const WAIT_DEFAULT = '10s'

/** `--wait`, of the commands that change something. */
export function waitOption(command: Command): Command {
  return command.option(
    '--wait [DURATION]',
    `return when every sidecar concerned has it, or after this time (default: ${WAIT_DEFAULT})`,
  )
}

/** How long to wait, in milliseconds; `undefined`: not at all. */
export function waitMs(wait: true | string | undefined): number | undefined {
  return wait === undefined ? undefined : durationMs(wait === true ? WAIT_DEFAULT : wait)
}

/** Who does not have it is told on stderr, with the reason, and makes the command fail. */
export function judgeWait(cli: Cli, waited: WaitAnswer): void {
  if (waited.live >= waited.of && waited.nacks.length === 0) return
  for (const line of laggardLines(waited)) cli.terminal.err(`${line}\n`)
  cli.exit(EXIT.failed)
}

export function waitText({ live, of, elapsedMs }: WaitAnswer): string {
  if (of === 0) return 'no sidecar that is connected uses it'
  return `live on ${live} of ${count(of, 'sidecar')} in ${milliseconds(elapsedMs)}`
}

function laggardLines(waited: WaitAnswer): string[] {
  return [
    ...waited.nacks.flatMap(({ workload, problems }) => [
      `${workload} refused it:`,
      ...problems.map(({ resource, field, message }) => `  ${resource}: ${field} ${message}`),
    ]),
    ...waited.pending.map(
      workload => `${workload} has not acknowledged it yet; "selvedge proxy status" shows when it does`,
    ),
  ]
}
