/**
 * Puts sidecars into pods: one pure function for the command line and for the admission webhook.
 * Invariants: the same input gives the same output; what has been injected comes back as it is; what belongs to the user stays as it was, but for
 * the probes that the kubelet could no longer make; a pod that can't have its sidecar is refused with a reason, never let through without.
 */
export { annotationsTable } from './annotations.ts'
export { type Injected, type Injection, inject } from './inject.ts'
export type { PodOutcome } from './inject-pod.ts'
export { injectPod } from './inject-pod.ts'
export { isObject, type Json, type JsonObject } from './json.ts'
export { jsonPatch, type PatchStep, pointerNames } from './json-patch.ts'
export {
  CONTROL_PLANE_SERVICE,
  defaultSettings,
  type InjectSettings,
  readInjectSettings,
  SYSTEM_NAMESPACE,
} from './settings.ts'
