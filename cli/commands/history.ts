import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { usageFailure } from '../failure.ts'
import { print } from '../print.ts'
import { tableLines } from '../render/mod.ts'
import { type AuditRecord, kindOf } from '../rest/mod.ts'
import { wholeNumber } from './token.ts'

interface HistoryOptions extends ServerOptions {
  readonly namespace: string
  readonly limit: string
  readonly output: 'table' | 'json' | 'yaml'
}

/** What the control plane tells in one answer. */
const LIMIT_MAX = 1_000

export const defineHistory: DefineCommand = (command, cli) => {
  serverOptions(outputOption(command, ['table', 'json', 'yaml']))
    .description('Shows who changed what, and when; the newest first. With -o yaml also what was before and after.')
    .argument('[kind]', 'service, httproute, trafficpolicy, ... (also plural and short)')
    .argument('[name]', 'the resource; without both, everything')
    .option('-n, --namespace <NAMESPACE>', 'where the named resource is', 'default')
    .option('--limit <N>', 'how many', '20')
    .action(async (kindWord: string | undefined, name: string | undefined, options: HistoryOptions) => {
      const subject = subjectOf(kindWord, name, options.namespace)
      const limit = wholeNumber('--limit', options.limit)
      if (limit > LIMIT_MAX) throw usageFailure(`Cannot use --limit ${limit}: give ${LIMIT_MAX} at most`)
      await withMesh(cli, options, async api => {
        const { items } = await api.audit(limit, subject)
        await print(cli.terminal, options.output, { items }, () => historyLines(items, subject))
      })
    })
  examples(command, [
    'selvedge history',
    'selvedge history httproute canary -n bookshop',
    'selvedge history httproute canary -n bookshop --limit 1 -o yaml',
  ])
}

/** `HTTPRoute bookshop/canary`; `undefined` where nothing is named. */
export function subjectOf(kindWord: string | undefined, name: string | undefined, namespace: string) {
  if (kindWord === undefined) return undefined
  if (name === undefined) {
    throw usageFailure(`Cannot tell which ${kindWord} is meant: give KIND NAME, as in httproute canary -n bookshop`)
  }
  return `${kindOf(kindWord).kind} ${namespace}/${name}`
}

function historyLines(items: readonly AuditRecord[], subject: string | undefined): string[] {
  if (items.length === 0)
    return [subject === undefined ? 'Nothing was ever written.' : `No change of ${subject} is known.`]
  return tableLines(
    [
      { heading: 'REVISION', align: 'right' },
      { heading: 'WHEN' },
      { heading: 'WHO' },
      { heading: 'DID' },
      { heading: 'WHAT' },
    ],
    items.map(({ revision, at, actor, action, subject: what }) => [String(revision), at, actor, action, what]),
  )
}
