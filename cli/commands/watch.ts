import { setTimeout as sleep } from 'node:timers/promises'
import type { Cli } from '../cli.ts'
import { CliFailure } from '../failure.ts'
import { type Format, yamlWriter } from '../print.ts'
import { plainLine, resourceTableLines } from '../render/mod.ts'
import type { AnyResource, KindName, MeshApi } from '../rest/mod.ts'
import { type Patience, patienceOf } from './patience.ts'

interface Watched {
  readonly kind: KindName
  readonly namespace: string | undefined
  readonly selector: string
  /** One resource alone. */
  readonly name: string | undefined
}

/** A control plane that ends a watch at once is not asked without a pause. */
const PAUSE_MS = 1_000

/** Shows what is there, then each change as it comes, until the user has seen enough. */
export async function watchResources(cli: Cli, api: MeshApi, watched: Watched, output: Format): Promise<void> {
  const { kind, namespace, selector, name } = watched
  const show = await printer(cli, kind, output)
  const patience = patienceOf(cli)
  for (;;) {
    const list = await api.listAt(kind, namespace, selector).catch(thrown => patience.failed(thrown))
    if (list === undefined) {
      await sleep(PAUSE_MS)
      continue
    }
    patience.answered()
    const { items, resourceVersion } = list
    for (const item of items) if (name === undefined || item.metadata.name === name) show('ADDED', item)
    let from: string | undefined = resourceVersion
    while (from !== undefined) {
      from = await follow(api, watched, from, { show, patience })
      await sleep(PAUSE_MS)
    }
  }
}

/** Shows one watch to its end, which a restart of the control plane may be, and says where the next begins; `undefined`: what comes next is known from a new list alone. */
async function follow(
  api: MeshApi,
  { kind, namespace, selector, name }: Watched,
  from: string,
  { show, patience }: { show: (type: string, resource: AnyResource) => void; patience: Patience },
): Promise<string | undefined> {
  let reached = from
  try {
    for await (const event of api.watch(kind, namespace, { selector, name, from })) {
      patience.answered()
      if (event.type === 'ERROR') {
        if (event.object.code === 410) return undefined
        throw new CliFailure(event.object.message)
      }
      const { resourceVersion } = event.object.metadata
      if (typeof resourceVersion === 'string') reached = resourceVersion
      if (event.type !== 'BOOKMARK') show(event.type, event.object)
    }
  } catch (thrown) {
    patience.failed(thrown)
  }
  return reached
}

/** A line for each change; as JSON or YAML, a document for each. */
async function printer(
  cli: Cli,
  kind: KindName,
  output: Format,
): Promise<(type: string, resource: AnyResource) => void> {
  if (output === 'json') return (type, object) => cli.terminal.out(`${JSON.stringify({ type, object })}\n`)
  if (output === 'yaml') {
    const yaml = await yamlWriter()
    return (type, object) => cli.terminal.out(`---\n${yaml({ type, object })}`)
  }
  return (type, object) => {
    const [, line = ''] = resourceTableLines(kind.kind, [object], Date.now())
    cli.terminal.out(`${type.padEnd('MODIFIED'.length)}  ${plainLine(line)}\n`)
  }
}
