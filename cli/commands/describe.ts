import { type DefineCommand, examples, outputOption, type ServerOptions, serverOptions, withMesh } from '../cli.ts'
import { print, yamlWriter } from '../print.ts'
import { labelsText, tableLines } from '../render/mod.ts'
import { type AnyResource, type FleetMember, kindOf, type MeshApi } from '../rest/mod.ts'
import { notFound } from './get.ts'
import { nackLines, stillRefuses } from './proxy.ts'

interface DescribeOptions extends ServerOptions {
  readonly namespace: string
  readonly output: 'table' | 'json' | 'yaml'
}

/** A resource, and what the mesh makes of it. */
interface Description {
  readonly resource: AnyResource
  /** For a Service: the workloads that it selects. */
  readonly workloads?: readonly AnyResource[]
  /** For a Service: routes and policies that attach to it. */
  readonly attached?: readonly string[]
  /** Sidecars that hold it (for a Service: that call it), and those that refused it. */
  readonly sidecars: readonly FleetMember[]
  readonly refusedBy: readonly FleetMember[]
}

export const defineDescribe: DefineCommand = (command, cli) => {
  serverOptions(outputOption(command, ['table', 'json', 'yaml']))
    .argument('<kind>', 'service, workload, httproute, trafficpolicy, ... (also plural and short)')
    .argument('<name>', 'the resource')
    .option('-n, --namespace <NAMESPACE>', 'where it is', 'default')
    .action(async (kindWord: string, name: string, options: DescribeOptions) => {
      const kind = kindOf(kindWord)
      await withMesh(cli, options, async api => {
        const resource = await api.find(kind, options.namespace, name)
        if (resource === undefined) throw notFound(kind.kind, options.namespace, name)
        const description = await describe(api, resource, options.namespace)
        const toYaml = await yamlWriter()
        await print(cli.terminal, options.output, description, () => descriptionLines(description, toYaml))
      })
    })
  examples(command, ['selvedge describe service catalog -n bookshop', 'selvedge describe httproute canary -n bookshop'])
}

async function describe(api: MeshApi, resource: AnyResource, namespace: string): Promise<Description> {
  const { kind, metadata } = resource
  const { sidecars } = await api.fleet()
  const services = servicesConcerned(resource, namespace)
  // A route and a policy arrive as a part of their Services.
  const compiled = new Set([...services].flatMap(key => [`service/${key}`, `endpoints/${key}`]))
  const facts = {
    resource,
    sidecars: sidecars.filter(({ subscriptions }) => subscriptions.some(service => services.has(service))),
    refusedBy: sidecars.filter(
      member =>
        stillRefuses(member) && member.lastNack?.problems.some(problem => compiled.has(problem.resource)) === true,
    ),
  }
  if (kind !== 'Service') return facts
  const [workloads, routes, policies] = await Promise.all([
    api.list(kindOf('Workload'), namespace),
    api.list(kindOf('HTTPRoute'), undefined),
    api.list(kindOf('TrafficPolicy'), namespace),
  ])
  const key = `${namespace}/${metadata.name}`
  return {
    ...facts,
    workloads: workloads.filter(workload => selects(resource.spec?.selector, workload.metadata.labels ?? {})),
    attached: [...routes, ...policies]
      .filter(other => servicesConcerned(other, other.metadata.namespace ?? 'default').has(key))
      .map(other => `${other.kind} ${other.metadata.namespace}/${other.metadata.name}`),
  }
}

/** The Services (`namespace/name`) whose callers hold a resource. */
function servicesConcerned({ kind, metadata, spec = {} }: AnyResource, namespace: string): Set<string> {
  if (kind === 'Service') return new Set([`${namespace}/${metadata.name}`])
  const refs = [...list(spec.parentRefs), ...list([spec.targetRef])]
  return new Set(refs.map(ref => `${ref.namespace ?? namespace}/${ref.name}`))
}

function list(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'object' && item !== null) : []
}

/** A Service without selector selects nobody. */
function selects(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries((selector ?? {}) as Record<string, string>)
  return wanted.length > 0 && wanted.every(([name, value]) => labels[name] === value)
}

function descriptionLines(description: Description, yaml: (value: unknown) => string): string[] {
  const { resource, workloads, attached, sidecars, refusedBy } = description
  const lines = yaml(resource).trimEnd().split('\n')
  if (workloads !== undefined) {
    lines.push('', `Workloads that answer for it: ${workloads.length === 0 ? 'none' : workloads.length}`)
    if (workloads.length > 0) lines.push(...workloadLines(workloads))
    lines.push(
      '',
      `Attached to it: ${attached === undefined || attached.length === 0 ? 'nothing' : attached.join(', ')}`,
    )
  }
  if (sidecars.length > 0) {
    lines.push('', 'Sidecars that hold it:')
    for (const { workload, connected, ackedRevision } of sidecars) {
      lines.push(`  ${workload}: acknowledged revision ${ackedRevision}${connected ? '' : ', now away'}`)
    }
  }
  if (refusedBy.length > 0) lines.push('', 'Refused:', ...refusedBy.flatMap(nackLines).map(line => `  ${line}`))
  return lines
}

function workloadLines(workloads: readonly AnyResource[]): string[] {
  return tableLines(
    [{ heading: 'NAME' }, { heading: 'ADDRESS' }, { heading: 'PORTS' }, { heading: 'READY' }, { heading: 'LABELS' }],
    workloads.map(({ metadata, spec = {}, status = {} }) => [
      metadata.name,
      String(spec.address ?? '-'),
      list(spec.ports)
        .map(port => String(port.port))
        .join(','),
      status.ready === false ? 'no' : 'yes',
      labelsText(metadata.labels),
    ]),
  ).map(line => `  ${line}`)
}
