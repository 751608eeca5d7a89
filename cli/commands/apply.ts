import {
  type Cli,
  collect,
  type DefineCommand,
  examples,
  outputOption,
  type ServerOptions,
  serverOptions,
  withMesh,
} from '../cli.ts'
import { CliFailure, usageFailure } from '../failure.ts'
import { type Format, print } from '../print.ts'
import { tableLines } from '../render/mod.ts'
import { readResourceFiles } from '../resource-files.ts'
import type { ApplyAnswer, MeshApi, WaitAnswer } from '../rest/mod.ts'
import { alarmLines } from './guard.ts'
import { judgeWait, waitMs, waitOption, waitText } from './wait.ts'

interface ApplyOptions extends ServerOptions {
  readonly filename?: readonly string[]
  readonly wait?: true | string
  readonly dryRun?: boolean
  readonly output: 'table' | 'json' | 'yaml'
}

export const defineApply: DefineCommand = (command, cli) => {
  waitOption(serverOptions(outputOption(command, ['table', 'json', 'yaml'])))
    .option(
      '-f, --filename <FILE>',
      'a file of resources (YAML or JSON, several documents), or - for stdin; repeatable',
      collect,
    )
    .option('--dry-run', 'check all, change nothing')
    .action(async (options: ApplyOptions) => {
      const timeoutMs = waitMs(options.wait)
      if (options.filename === undefined) throw usageFailure('Cannot apply nothing: give -f FILE, or -f - for stdin')
      const resources = await readResourceFiles(options.filename)
      const dryRun = options.dryRun === true
      await withMesh(cli, options, async api => {
        const applied = await api.apply(resources, dryRun)
        await printApplied(cli, api, applied, { dryRun, timeoutMs, output: options.output })
      })
    })
  examples(command, [
    'selvedge apply -f canary.yaml --wait',
    'selvedge apply -f services.yaml -f policies.yaml --dry-run',
    'cat canary.yaml | selvedge apply -f -',
  ])
}

/** Tells what a write has done and, where that was asked for, when it is live; sets the exit status. */
export async function printApplied(
  cli: Cli,
  api: MeshApi,
  applied: ApplyAnswer,
  how: { readonly dryRun: boolean; readonly timeoutMs: number | undefined; readonly output: Format },
): Promise<void> {
  const { dryRun, timeoutMs, output } = how
  if (output === 'table') {
    for (const line of appliedLines(applied, dryRun)) cli.terminal.out(`${line}\n`)
    for (const warning of applied.warnings) cli.terminal.err(`Warning: ${warning}\n`)
  }
  const waited =
    timeoutMs !== undefined && !dryRun ? await waitFor(cli, api, applied, { timeoutMs, output }) : undefined
  if (output !== 'table') await print(cli.terminal, output, { ...applied, ...(waited && { wait: waited }) }, () => [])
  if (waited === undefined) return
  if (output === 'table') cli.terminal.out(`${waitText(waited)}\n`)
  if (waited.pending.length > 0) {
    // Where the guard holds everything back, no sidecar is to blame.
    for (const line of alarmLines((await api.guard()).alarms, Date.now())) cli.terminal.err(`${line}\n`)
  }
  judgeWait(cli, waited)
}

/** The write is done, whatever becomes of the wait: who is told only of the latter would write again. */
async function waitFor(
  cli: Cli,
  api: MeshApi,
  applied: ApplyAnswer,
  { timeoutMs, output }: { readonly timeoutMs: number; readonly output: Format },
): Promise<WaitAnswer> {
  try {
    return await api.wait(applied.revision, timeoutMs)
  } catch (thrown) {
    if (!(thrown instanceof CliFailure)) throw thrown
    if (output !== 'table') await print(cli.terminal, output, applied, () => [])
    throw new CliFailure(
      `It is written, as revision ${applied.revision}; where it is live cannot be told. ${thrown.message}`,
    )
  }
}

function appliedLines(applied: ApplyAnswer, dryRun: boolean): string[] {
  const suffix = dryRun ? ' (dry run)' : ''
  return tableLines(
    [{ heading: 'RESOURCE' }, { heading: 'ACTION' }],
    applied.results.map(({ resource, action }) => [
      typeof resource === 'string' ? resource : `${resource.kind} ${resource.namespace}/${resource.name}`,
      `${action}${suffix}`,
    ]),
  ).slice(1)
}
