import { parseDurationMs } from '../../common/mod.ts'
import {
  collect,
  type DefineCommand,
  examples,
  outputOption,
  type ServerOptions,
  serverOptions,
  withMesh,
} from '../cli.ts'
import { EXIT, usageFailure } from '../failure.ts'
import { print } from '../print.ts'
import { count, milliseconds, tableLines } from '../render/mod.ts'
import { readResourceFiles } from '../resource-files.ts'
import type { ApplyAnswer, WaitAnswer } from '../rest/mod.ts'

interface ApplyOptions extends ServerOptions {
  readonly filename?: readonly string[]
  readonly wait?: true | string
  readonly dryRun?: boolean
  readonly output: 'table' | 'json' | 'yaml'
}

const WAIT_DEFAULT = '10s'

export const defineApply: DefineCommand = (command, cli) => {
  serverOptions(outputOption(command, ['table', 'json', 'yaml']))
    .option(
      '-f, --filename <FILE>',
      'a file of resources (YAML or JSON, several documents), or - for stdin; repeatable',
      collect,
    )
    .option(
      '--wait [DURATION]',
      `return when every sidecar concerned has it, or after this time (default: ${WAIT_DEFAULT})`,
    )
    .option('--dry-run', 'check all, change nothing')
    .action(async (options: ApplyOptions) => {
      const timeoutMs =
        options.wait === undefined ? undefined : durationMs(options.wait === true ? WAIT_DEFAULT : options.wait)
      if (options.filename === undefined) throw usageFailure('Cannot apply nothing: give -f FILE, or -f - for stdin')
      const resources = readResourceFiles(options.filename)
      await withMesh(cli, options, async api => {
        const applied = await api.apply(resources, options.dryRun === true)
        const waits = timeoutMs !== undefined && options.dryRun !== true
        if (options.output === 'table') printApplied(applied, options.dryRun === true)
        const waited = waits ? await api.wait(applied.revision, timeoutMs) : undefined
        if (options.output !== 'table')
          await print(cli.terminal, options.output, { ...applied, ...(waited && { wait: waited }) }, () => [])
        if (waited === undefined) return
        if (options.output === 'table') cli.terminal.out(`${waitText(waited)}\n`)
        if (waited.live < waited.of || waited.nacks.length > 0) {
          for (const line of laggardLines(waited)) cli.terminal.err(`${line}\n`)
          cli.exit(EXIT.failed)
        }
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

export function waitText({ live, of, elapsedMs }: WaitAnswer): string {
  if (of === 0) return 'no sidecar that is connected uses it'
  return `live on ${live} of ${count(of, 'sidecar')} in ${milliseconds(elapsedMs)}`
}

/** Who does not have it, and why. */
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

export function durationMs(text: string): number {
  const parsed = parseDurationMs(text)
  if (!parsed.ok) throw usageFailure(`Cannot use the duration: ${parsed.error}`)
  return parsed.value
}
