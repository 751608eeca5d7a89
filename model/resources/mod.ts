/**
 * What users write: one file per kind, each a schema from which types, messages, CRDs and the reference are derived.
 * Invariants: pure; a resource that left this room is frozen, has its schema's defaults, and holds no field that the mesh would ignore.
 */
export { type DeepReadonly, deepFreeze } from './deep-readonly.ts'
export {
  expandProcess,
  impliedService,
  type ProcessInstance,
} from './expand-process.ts'
export { ANY_UPGRADE, NO_COLLECTOR } from './fields.ts'
export type { HttpRouteResource, HttpRouteRule } from './http-route.ts'
export { KINDS, type Kind, type KindInfo, kindInfo, type Resource } from './kinds.ts'
export { MESH_DEFAULTS, MESH_POLICY_NAME, type MeshPolicyResource, SYSTEM_NAMESPACE } from './mesh-policy.ts'
export type { ResourceMetadata } from './metadata.ts'
export { type OpenApiSchema, openApiSchemaOf } from './open-api.ts'
export { parseResources, TEXT_BYTES_MAX } from './parse.ts'
export { formatProblem, type ResourceProblem, resourceId } from './problem.ts'
export type { ProcessResource } from './process.ts'
export { checkReferences } from './references.ts'
export type { ServiceResource } from './service.ts'
export { SERVER_BUDGET } from './text-budget.ts'
export { TRAFFIC_DEFAULTS, type TrafficPolicyResource } from './traffic-policy.ts'
export { validateResource } from './validate.ts'
export type { WorkloadResource } from './workload.ts'
