import {
  expandProcess,
  impliedService,
  type ProcessInstance,
  type ProcessResource,
  type Resource,
  resourceId,
} from '../../model/resources/mod.ts'

/** What a file means to `selvedge up`: what is applied, and what is run. */
export interface MeshFile {
  /** All resources but Processes, and the Services that Processes answer for and nobody wrote. */
  readonly resources: readonly Resource[]
  /** Programs that answer for a Service: they start first. */
  readonly servers: readonly ProcessInstance[]
  /** Programs that only call: they start when all servers are ready, so that no early request fails. */
  readonly clients: readonly ProcessInstance[]
}

export function meshFileOf(all: readonly Resource[]): MeshFile {
  const processes = all.filter((resource): resource is ProcessResource => resource.kind === 'Process')
  const written = all.filter(({ kind }) => kind !== 'Process')
  const known = new Set(written.map(resourceId))
  const implied: Resource[] = []
  for (const process of processes) {
    const service = impliedService(process)
    if (service === undefined || known.has(resourceId(service))) continue
    known.add(resourceId(service))
    implied.push(service)
  }
  const instances = processes.flatMap(expandProcess)
  return {
    resources: [...written, ...implied],
    servers: instances.filter(({ service }) => service !== undefined),
    clients: instances.filter(({ service }) => service === undefined),
  }
}
