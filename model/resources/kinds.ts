import type { z } from 'zod'
import { type HttpRouteResource, httpRouteSchema } from './http-route.ts'
import { type MeshPolicyResource, meshPolicySchema } from './mesh-policy.ts'
import { type ProcessResource, processSchema } from './process.ts'
import { type ServiceResource, serviceSchema } from './service.ts'
import { type TrafficPolicyResource, trafficPolicySchema } from './traffic-policy.ts'
import { type WorkloadResource, workloadSchema } from './workload.ts'

export type Resource =
  | ServiceResource
  | WorkloadResource
  | HttpRouteResource
  | TrafficPolicyResource
  | MeshPolicyResource
  | ProcessResource

export type Kind = Resource['kind']

export interface KindInfo {
  readonly kind: Kind
  /** `group/version`, or the version alone for the core group. */
  readonly apiVersion: Resource['apiVersion']
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  /** As in REST paths: lower case. */
  readonly plural: string
  /** What people in a hurry write. */
  readonly shortNames: readonly string[]
  readonly schema: z.ZodType
}

/** All kinds, in the order in which people read them. */
export const KINDS: readonly KindInfo[] = [
  info('Service', 'v1', 'services', ['svc'], serviceSchema),
  info('Workload', 'selvedge.dev/v1', 'workloads', ['wl'], workloadSchema),
  info('HTTPRoute', 'gateway.networking.k8s.io/v1', 'httproutes', ['route', 'routes', 'hr'], httpRouteSchema),
  info('TrafficPolicy', 'selvedge.dev/v1', 'trafficpolicies', ['tp'], trafficPolicySchema),
  info('MeshPolicy', 'selvedge.dev/v1', 'meshpolicies', ['mp'], meshPolicySchema),
  info('Process', 'selvedge.dev/v1', 'processes', ['proc'], processSchema),
]

export function kindInfo(kind: string): KindInfo | undefined {
  return KINDS.find(known => known.kind === kind)
}

function info(
  kind: Kind,
  apiVersion: Resource['apiVersion'],
  plural: string,
  shortNames: readonly string[],
  schema: z.ZodType,
): KindInfo {
  const slash = apiVersion.indexOf('/')
  const group = slash === -1 ? '' : apiVersion.slice(0, slash)
  return { kind, apiVersion, group, version: apiVersion.slice(slash + 1), plural, shortNames, schema }
}
