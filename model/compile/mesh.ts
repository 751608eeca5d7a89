import { assert, type CollectorEndpoint, parseCollectorEndpoint } from '../../common/mod.ts'
import { MESH_DEFAULTS, MESH_POLICY_NAME, NO_COLLECTOR, SYSTEM_NAMESPACE } from '../resources/mod.ts'
import type { MeshSettings } from '../snapshot/mod.ts'
import { millis } from './millis.ts'
import type { World } from './world.ts'

/** Settings for one namespace: its own policy field by field, then the mesh's, then the defaults. */
export function compileMesh(world: World, namespace: string): MeshSettings {
  const own = world.meshPolicies.get(`${namespace}/${MESH_POLICY_NAME}`)?.spec
  const mesh = world.meshPolicies.get(`${SYSTEM_NAMESPACE}/${MESH_POLICY_NAME}`)?.spec
  const sampling = own?.tracing?.sampling ?? mesh?.tracing?.sampling ?? MESH_DEFAULTS.tracingSampling
  const requestTimeout = own?.defaults?.requestTimeout ?? mesh?.defaults?.requestTimeout
  return {
    mtls: own?.mtls ?? mesh?.mtls ?? MESH_DEFAULTS.mtls,
    unknownDestinations: own?.unknownDestinations ?? mesh?.unknownDestinations ?? MESH_DEFAULTS.unknownDestinations,
    accessLog: own?.accessLog ?? mesh?.accessLog ?? MESH_DEFAULTS.accessLog,
    traceSampling: sampling / 100,
    traceCollector: collectorOf(own?.tracing?.otlp?.endpoint ?? mesh?.tracing?.otlp?.endpoint),
    // `0s` says that there is no limit, which is what `undefined` means.
    requestTimeoutMs: requestTimeout === undefined ? undefined : millis(requestTimeout) || undefined,
    retryAttempts: own?.defaults?.retryAttempts ?? mesh?.defaults?.retryAttempts ?? MESH_DEFAULTS.retryAttempts,
    tunnelsAtRenewal: own?.tunnelsAtRenewal ?? mesh?.tunnelsAtRenewal ?? MESH_DEFAULTS.tunnelsAtRenewal,
  }
}

function collectorOf(text: string | undefined): CollectorEndpoint | undefined {
  if (text === undefined || text === NO_COLLECTOR) return undefined
  const parsed = parseCollectorEndpoint(text)
  // The schema has taken it.
  assert(parsed.ok, 'a MeshPolicy names a collector by a URL that can be read')
  return parsed.value
}
