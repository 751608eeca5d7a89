import {
  collect,
  type DefineCommand,
  examples,
  outputOption,
  type ServerOptions,
  serverOptions,
  withMesh,
} from '../cli.ts'
import { usageFailure } from '../failure.ts'
import { print } from '../print.ts'
import { tableLines } from '../render/mod.ts'
import { readResourceFiles } from '../resource-files.ts'
import type { ApplyAnswer } from '../rest/mod.ts'
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
      await withMesh(cli, options, async api => {
        const applied = await api.apply(resources, options.dryRun === true)
        const waits = timeoutMs !== undefined && options.dryRun !== true
        if (options.output === 'table') printApplied(applied, options.dryRun === true)
        const waited = waits ? await api.wait(applied.revision, timeoutMs) : undefined
        if (options.output !== 'table')
          await print(cli.terminal, options.output, { ...applied, ...(waited && { wait: waited }) }, () => [])
        if (waited === undefined) return
        if (options.output === 'table') cli.terminal.out(`${waitText(waited)}\n`)
        judgeWait(cli, waited)
      })
    })
  examples(command, [
    'selvedge apply -f canary.yaml --wait',
    'selvedge apply -f services.yaml -f policies.yaml --dry-run',
    'cat canary.yaml | selvedge apply -f -',
  ])

  function printApplied(applied: ApplyAnswer, dryRun: boolean): void {
    for (const line of appliedLines(applied, dryRun)) cli.terminal.out(`${line}\n`)
    for (const warning of applied.warnings) cli.terminal.err(`Warning: ${warning}\n`)
  }
}

export function appliedLines(applied: ApplyAnswer, dryRun = false): string[] {
  const suffix = dryRun ? ' (dry run)' : ''
  return tableLines(
    [{ heading: 'RESOURCE' }, { heading: 'ACTION' }],
    applied.results.map(({ resource, action }) => [
      typeof resource === 'string' ? resource : `${resource.kind} ${resource.namespace}/${resource.name}`,
      `${action}${suffix}`,
    ]),
  ).slice(1)
}
