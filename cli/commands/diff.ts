import type { Resource } from '../../model/resources/mod.ts'
import { collect, type DefineCommand, examples, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { CliFailure, EXIT, usageFailure } from '../failure.ts'
import { yamlWriter } from '../print.ts'
import { plainLine, unifiedDiff } from '../render/mod.ts'
import { readResourceFiles } from '../resource-files.ts'
import { type AnyResource, kindOf, type MeshApi } from '../rest/mod.ts'

interface DiffOptions extends ServerOptions {
  readonly filename?: readonly string[]
}

/** As `diff` and `kubectl diff` have it: 0 the same, 1 different, more than 1 no answer. */
const EXIT_TROUBLE = 2
/** What the server writes: no file says it. */
const SERVER_METADATA = ['uid', 'resourceVersion', 'creationTimestamp', 'generation']

export const defineDiff: DefineCommand = (command, cli) => {
  serverOptions(command)
    .description(
      'Shows what applying a file would change, as a unified diff. Exit status: 0 nothing, 1 something, 2 cannot tell.',
    )
    .option('-f, --filename <FILE>', 'a file of resources, or - for stdin; repeatable', collect)
    .action(async (options: DiffOptions) => {
      if (options.filename === undefined) throw usageFailure('Cannot compare nothing: give -f FILE, or -f - for stdin')
      try {
        const resources = await readResourceFiles(options.filename)
        const yaml = await yamlWriter()
        const lines = await withMesh(cli, options, api => differences(api, resources, yaml))
        for (const line of lines) cli.terminal.out(`${plainLine(line)}\n`)
        if (lines.length > 0) cli.exit(EXIT.failed)
      } catch (thrown) {
        // 1 would say that there is a difference.
        if (thrown instanceof CliFailure) throw new CliFailure(thrown.message, EXIT_TROUBLE)
        throw thrown
      }
    })
  examples(command, ['selvedge diff -f canary.yaml', 'selvedge diff -f canary.yaml && echo "nothing to do"'])
}

async function differences(
  api: MeshApi,
  resources: readonly Resource[],
  yaml: (value: unknown) => string,
): Promise<string[]> {
  const lines: string[] = []
  for (const resource of resources) {
    const { kind, metadata } = resource
    const live = await api.find(kindOf(kind), metadata.namespace, metadata.name)
    const text = (value: object | undefined) =>
      value === undefined ? [] : yaml(asWritten(value)).trimEnd().split('\n')
    const difference = unifiedDiff(text(live), text(inOrderOf(live, resource) as object))
    if (difference.length === 0) continue
    const name = `${kind}/${metadata.namespace}/${metadata.name}`
    lines.push(`--- ${live === undefined ? '/dev/null' : `live/${name}`}`, `+++ file/${name}`, ...difference)
  }
  return lines
}

/** Without what the server adds; the metadata keeps its place, since people read this. */
function asWritten(resource: object): object {
  const { status: _status, ...rest } = resource as AnyResource
  const kept = Object.entries(rest.metadata).filter(([field]) => !SERVER_METADATA.includes(field))
  return { ...rest, metadata: Object.fromEntries(kept) }
}

/** `value` with its fields in the order of `model`, as far as that goes: to apply, their order is no difference. */
export function inOrderOf(model: unknown, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item, i) => inOrderOf(Array.isArray(model) ? model[i] : undefined, item))
  if (typeof value !== 'object' || value === null || typeof model !== 'object' || model === null) return value
  const [ordered, fields] = [model as Record<string, unknown>, value as Record<string, unknown>]
  const known = Object.keys(ordered).filter(name => Object.hasOwn(fields, name))
  const names = new Set([...known, ...Object.keys(fields)])
  return Object.fromEntries([...names].map(name => [name, inOrderOf(ordered[name], fields[name])]))
}
