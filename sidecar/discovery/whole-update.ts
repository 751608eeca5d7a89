import { err, ok, type Result } from '../../common/mod.ts'
import type { Endpoint, EndpointsSnapshot, SnapshotProblem } from '../../model/snapshot/mod.ts'
import type { Interest } from './interest.ts'
import type { EndpointsChange, ReceivedUpdate, VersionedUpdate } from './messages.ts'

/** An update builds on what this sidecar does not hold. */
export interface Lost {
  readonly problems: readonly SnapshotProblem[]
  /** Names of resources that have to be sent whole. */
  readonly lost: readonly string[]
}

/** Puts changes into what is held: an update as if everything in it had been sent whole. What is held stays as it is. */
export function wholeUpdate(
  received: ReceivedUpdate,
  interest: Pick<Interest, 'held' | 'wasForgotten'>,
): Result<VersionedUpdate, Lost> {
  const problems: SnapshotProblem[] = []
  const merged: EndpointsSnapshot[] = []
  for (const change of received.changes) {
    const resource = `endpoints/${change.service}`
    const base = interest.held().get(resource)
    if (base?.version === change.base && base.content !== undefined && 'endpoints' in base.content) {
      merged.push({ service: change.service, endpoints: mergeEndpoints(base.content.endpoints, change) })
    } else {
      const state = base === undefined ? 'nothing is held' : `version ${base.version} is held`
      problems.push({ resource, field: 'baseVersion', message: `${change.base} is built upon, and ${state}` })
    }
  }
  problems.push(...forgottenBackends(received, interest))
  if (problems.length > 0) return err({ problems, lost: problems.map(({ resource }) => resource) })
  const { update, versions } = received
  if (merged.length === 0) return ok({ update, versions })
  return ok({ update: { ...update, endpoints: [...update.endpoints, ...merged] }, versions })
}

/** Sorted by workload, as lists are. Endpoints that did not change are shared. */
function mergeEndpoints(base: readonly Endpoint[], { put, removed }: EndpointsChange): readonly Endpoint[] {
  const byWorkload = new Map(base.map(endpoint => [endpoint.workload, endpoint]))
  for (const workload of removed) byWorkload.delete(workload)
  for (const endpoint of put) byWorkload.set(endpoint.workload, endpoint)
  return [...byWorkload.values()].sort((a, b) => (a.workload < b.workload ? -1 : 1))
}

/** Rules that send to a Service that was forgotten just now, while they were on their way: the control plane thought that it was here. */
function forgottenBackends(
  { update }: ReceivedUpdate,
  { held, wasForgotten }: Pick<Interest, 'held' | 'wasForgotten'>,
): readonly SnapshotProblem[] {
  const coming = new Set(update.services.map(({ key }) => key))
  const lost = new Map<string, SnapshotProblem>()
  for (const { key, routing } of update.services) {
    if (routing.kind === 'none-attached') continue
    for (const backend of routing.rules.flatMap(rule => rule.backends)) {
      if (backend.kind !== 'service' || coming.has(backend.service) || !wasForgotten(backend.service)) continue
      const resource = `service/${backend.service}`
      if (held().has(resource)) continue
      lost.set(resource, { resource, field: '', message: `service/${key} sends to it, and nothing is held` })
    }
  }
  return [...lost.values()]
}
