import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { printApplied } from './apply.ts'
import { subjectOf } from './history.ts'
import { wholeNumber } from './token.ts'
import { waitMs, waitOption } from './wait.ts'

interface RollbackOptions extends ServerOptions {
  readonly namespace: string
  readonly dryRun?: boolean
  readonly force?: boolean
  readonly wait?: true | string
  readonly output: 'table' | 'json' | 'yaml'
}

export const defineRollback: DefineCommand = (command, cli) => {
  waitOption(serverOptions(outputOption(command, ['table', 'json', 'yaml'])))
    .description(
      'Makes what a revision changed as it was before it: all in one step, or nothing. "selvedge history" tells the revisions.',
    )
    .argument('<revision>', 'the revision to undo')
    .argument('[kind]', 'only this resource of it: service, httproute, ...')
    .argument('[name]', 'its name')
    .option('-n, --namespace <NAMESPACE>', 'where the named resource is', 'default')
    .option('--dry-run', 'check all, change nothing')
    .option('--force', 'also what has been changed again since')
    .action(async (revision: string, kind: string | undefined, name: string | undefined, options: RollbackOptions) => {
      const timeoutMs = waitMs(options.wait)
      const resource = subjectOf(kind, name, options.namespace)
      const wish = {
        revision: wholeNumber('REVISION', revision),
        ...(resource === undefined ? {} : { resource }),
        ...(options.force === true ? { force: true } : {}),
      }
      const dryRun = options.dryRun === true
      await withMesh(cli, options, async api => {
        const applied = await api.rollback(wish, dryRun)
        await printApplied(cli, api, applied, { dryRun, timeoutMs, output: options.output })
      })
    })
  examples(command, [
    'selvedge rollback 17 --wait',
    'selvedge rollback 17 httproute canary -n bookshop',
    'selvedge rollback 17 --dry-run',
  ])
}
