import type { DefineCommand, ServerOptions } from '../cli.ts'
import { examples, outputOption, serverOptions, withMesh } from '../cli.ts'
import { CliFailure, usageFailure } from '../failure.ts'
import { print } from '../print.ts'
import { resourceTableLines } from '../render/mod.ts'
import { kindOf } from '../rest/mod.ts'
import { watchResources } from './watch.ts'

interface GetOptions extends ServerOptions {
  readonly namespace: string
  readonly allNamespaces?: boolean
  readonly selector?: string
  readonly watch?: boolean
  readonly output: 'table' | 'json' | 'yaml'
}

export const defineGet: DefineCommand = (command, cli) => {
  serverOptions(outputOption(command, ['table', 'json', 'yaml']))
    .argument('<kind>', 'service, workload, httproute, trafficpolicy, meshpolicy (also plural and short: svc, wl, ...)')
    .argument('[name]', 'one resource; without it, all')
    .option('-n, --namespace <NAMESPACE>', 'where to look', 'default')
    .option('-A, --all-namespaces', 'look everywhere')
    .option('-l, --selector <SELECTOR>', 'only those with these labels: a=b, a!=b, "a in (b,c)", a, !a; with commas')
    .option('-w, --watch', 'then go on, and show each change as it comes')
    .action(async (kindWord: string, name: string | undefined, options: GetOptions) => {
      const kind = kindOf(kindWord)
      const now = Date.now()
      if (name !== undefined && options.selector !== undefined) {
        throw usageFailure('Cannot select by label what is named: give either NAME or -l')
      }
      const namespace = options.allNamespaces === true ? undefined : options.namespace
      const selector = options.selector ?? ''
      await withMesh(cli, options, async api => {
        if (options.watch === true) return watchResources(cli, api, { kind, namespace, selector, name }, options.output)
        if (name !== undefined) {
          const resource = await api.find(kind, options.namespace, name)
          if (resource === undefined) throw notFound(kind.kind, options.namespace, name)
          return print(cli.terminal, options.output, resource, () => resourceTableLines(kind.kind, [resource], now))
        }
        const items = await api.list(kind, namespace, selector)
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
    'selvedge get workloads -A -l app=reviews,version!=v1',
    'selvedge get httproutes -A --watch',
  ])
}

export function notFound(kind: string, namespace: string, name: string): CliFailure {
  return new CliFailure(
    `Cannot find ${kind} ${namespace}/${name}: there is none; "selvedge get ${kind.toLowerCase()} -A" lists what there is`,
  )
}
