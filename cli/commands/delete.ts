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
import { readResourceFiles } from '../resource-files.ts'
import { kindOf, type ResourceRef } from '../rest/mod.ts'
import { printApplied } from './apply.ts'
import { notFound } from './get.ts'
import { waitMs, waitOption } from './wait.ts'

interface DeleteOptions extends ServerOptions {
  readonly filename?: readonly string[]
  readonly namespace: string
  readonly wait?: true | string
  readonly dryRun?: boolean
  readonly output: 'table' | 'json' | 'yaml'
}

export const defineDelete: DefineCommand = (command, cli) => {
  waitOption(serverOptions(outputOption(command, ['table', 'json', 'yaml'])))
    .argument('[kind]', 'service, httproute, trafficpolicy, ... (also plural and short)')
    .argument('[name]', 'the resource')
    .option('-f, --filename <FILE>', 'everything in a file, or - for stdin; repeatable', collect)
    .option('-n, --namespace <NAMESPACE>', 'where the named resource is', 'default')
    .option('--dry-run', 'check all, change nothing')
    .action(async (kindWord: string | undefined, name: string | undefined, options: DeleteOptions) => {
      const timeoutMs = waitMs(options.wait)
      const named = namedResource(kindWord, name, options)
      await withMesh(cli, options, async api => {
        if (named !== undefined && (await api.find(named.kind, options.namespace, named.ref.name)) === undefined) {
          throw notFound(named.kind.kind, options.namespace, named.ref.name)
        }
        const refs = named === undefined ? await refsOf(options.filename ?? []) : [named.ref]
        const dryRun = options.dryRun === true
        const deleted = await api.delete(refs, dryRun)
        await printApplied(cli, api, deleted, { dryRun, timeoutMs, output: options.output })
      })
    })
  examples(command, [
    'selvedge delete httproute canary -n bookshop',
    'selvedge delete -f canary.yaml --wait',
    'selvedge delete -f canary.yaml --dry-run',
  ])
}

function namedResource(kindWord: string | undefined, name: string | undefined, options: DeleteOptions) {
  if (options.filename !== undefined) {
    if (kindWord !== undefined) throw usageFailure('Cannot delete both: give either KIND NAME or -f FILE')
    return undefined
  }
  if (kindWord === undefined || name === undefined) {
    throw usageFailure('Cannot delete nothing: give KIND NAME, as in "selvedge delete httproute canary", or -f FILE')
  }
  const kind = kindOf(kindWord)
  return { kind, ref: { apiVersion: kind.apiVersion, kind: kind.kind, namespace: options.namespace, name } }
}

async function refsOf(files: readonly string[]): Promise<ResourceRef[]> {
  const resources = await readResourceFiles(files)
  return resources.map(({ apiVersion, kind, metadata: { namespace, name } }) => ({
    apiVersion,
    kind,
    namespace,
    name,
  }))
}
