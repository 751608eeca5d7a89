import type { ServiceKey, WorkloadKey } from '../../common/mod.ts'
import type { Endpoint } from '../../model/snapshot/mod.ts'
import type { Resource } from './resource.ts'
import type { ContentVersion } from './version.ts'

export type EndpointsResource = Extract<Resource, { readonly kind: 'endpoints' }>

/** What takes a holder of the list at version `base` to the present one. */
export interface EndpointsChange {
  readonly base: ContentVersion
  /** New, or changed. Sorted by workload, as the list is. */
  readonly put: readonly Endpoint[]
  readonly removed: readonly WorkloadKey[]
}

/** Shorter lists are sent whole: a change would save nothing that counts. */
const LIST_MIN = 8
/** Changes of one list that are remembered. A sidecar that is behind by more is sent the whole list. */
const STEPS_MAX = 32
/** Services whose lists are remembered; beyond, the longest unchanged is forgotten, and costs a whole list. */
const SERVICES_MAX = 10_000

/** One change of one list: which workloads it touched, not what became of them. */
interface Step {
  readonly from: ContentVersion
  readonly touched: ReadonlySet<WorkloadKey>
}

interface Line {
  latest: EndpointsResource
  readonly steps: Step[]
  /** Changes to `latest`, by their base; what many sidecars receive is worked out once. */
  readonly made: Map<ContentVersion, EndpointsChange | undefined>
}

/** What became of each Service's endpoints lately, so that who holds an older list is sent the difference alone. */
export interface EndpointChanges {
  /** The list as it is now. Called for each that was compiled, in order. */
  compiled(service: ServiceKey, list: EndpointsResource | undefined): void
  /** `undefined`: the base is not remembered, or so much has changed that the whole list is the shorter message. */
  since(base: ContentVersion, list: EndpointsResource): EndpointsChange | undefined
}

export function endpointChanges(): EndpointChanges {
  const lines = new Map<ServiceKey, Line>()

  return {
    compiled(service, list) {
      const line = lines.get(service)
      if (line?.latest.version === list?.version) return
      if (list === undefined || (line === undefined && list.content.endpoints.length < LIST_MIN)) {
        lines.delete(service)
        return
      }
      // Each that changes moves to the end, so that the longest unchanged stands first.
      lines.delete(service)
      const steps = line?.steps ?? []
      if (line !== undefined) {
        steps.push({ from: line.latest.version, touched: touchedBetween(line.latest, list) })
        if (steps.length > STEPS_MAX) steps.shift()
      }
      lines.set(service, { latest: list, steps, made: new Map() })
      for (const oldest of lines.keys()) {
        if (lines.size <= SERVICES_MAX) break
        lines.delete(oldest)
      }
    },
    since(base, list) {
      const line = lines.get(list.content.service)
      if (line === undefined || line.latest.version !== list.version) return undefined
      if (!line.made.has(base)) line.made.set(base, changeSince(line, base))
      return line.made.get(base)
    },
  }
}

function touchedBetween(before: EndpointsResource, after: EndpointsResource): ReadonlySet<WorkloadKey> {
  const old = new Map(before.content.endpoints.map(endpoint => [endpoint.workload, endpoint]))
  const touched = new Set<WorkloadKey>()
  for (const endpoint of after.content.endpoints) {
    const known = old.get(endpoint.workload)
    if (known === undefined || !sameEndpoint(known, endpoint)) touched.add(endpoint.workload)
    old.delete(endpoint.workload)
  }
  for (const gone of old.keys()) touched.add(gone)
  return touched
}

function changeSince({ latest, steps }: Line, base: ContentVersion): EndpointsChange | undefined {
  // A list that comes back to what it once was has the same version again: the last time counts.
  const first = steps.findLastIndex(step => step.from === base)
  if (first === -1) return undefined
  const { endpoints } = latest.content
  const touched = new Set(steps.slice(first).flatMap(step => [...step.touched]))
  if (touched.size * 2 > endpoints.length) return undefined
  const put = endpoints.filter(endpoint => touched.has(endpoint.workload))
  for (const { workload } of put) touched.delete(workload)
  return { base, put, removed: [...touched] }
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  if (a === b) return true
  if (a.address !== b.address || a.zone !== b.zone || a.ports.length !== b.ports.length) return false
  for (const [i, { servicePort, appPort }] of a.ports.entries()) {
    const other = b.ports[i]
    if (other?.servicePort !== servicePort || other.appPort !== appPort) return false
  }
  if (a.tls.kind !== 'mesh' || b.tls.kind !== 'mesh') return a.tls.kind === b.tls.kind
  return a.tls.spiffeId === b.tls.spiffeId && a.tls.inboundPort === b.tls.inboundPort
}
