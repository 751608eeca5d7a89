import type { DefineCommand, ServerOptions } from '../cli.ts'
import { examples, outputOption, serverOptions, withMesh } from '../cli.ts'
import { CliFailure } from '../failure.ts'
import { print } from '../print.ts'
import { resourceTableLines } from '../render/mod.ts'
import { kindOf } from '../rest/mod.ts'

interface GetOptions extends ServerOptions {
  readonly namespace: string
  readonly allNamespaces?: boolean
  readonly output: 'table' | 'json' | 'yaml'
}

export const defineGet: DefineCommand = (command, cli) => {
  serverOptions(outputOption(command, ['table', 'json', 'yaml']))
    .argument('<kind>', 'service, workload, httproute, trafficpolicy, meshpolicy (also plural and short: svc, wl, ...)')
    .argument('[name]', 'one resource; without it, all')
    .option('-n, --namespace <NAMESPACE>', 'where to look', 'default')
    .option('-A, --all-namespaces', 'look everywhere')
    .action(async (kindWord: string, name: string | undefined, options: GetOptions) => {
      const kind = kindOf(kindWord)
      const now = Date.now()
      await withMesh(cli, options, async api => {
        if (name !== undefined) {
          const resource = await api.find(kind, options.namespace, name)
          if (resource === undefined) throw notFound(kind.kind, options.namespace, name)
          return print(cli.terminal, options.output, resource, () => resourceTableLines(kind.kind, [resource], now))
        }
        const namespace = options.allNamespaces === true ? undefined : options.namespace
        const items = await api.list(kind, namespace)
        await print(cli.terminal, options.output, { kind: `${kind.kind}List`, items }, () => {
          if (items.length > 0) return resourceTableLines(kind.kind, items, now)
          return [
            namespace === undefined ? `No ${kind.plural}.` : `No ${kind.plural} in ${namespace}; -A looks everywhere.`,
          ]
        })
      })
    })
  examples(command, [
    'selvedge get services -n bookshop',
    'selvedge get httproute canary -n bookshop -o yaml',
    'selvedge get workloads -A',
  ])
}

export function notFound(kind: string, namespace: string, name: string): CliFailure {
  return new CliFailure(
    `Cannot find ${kind} ${namespace}/${name}: there is none; "selvedge get ${kind.toLowerCase()} -A" lists what there is`,
  )
}
