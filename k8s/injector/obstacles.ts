import type { Wishes } from './annotations.ts'
import { isObject, type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { INIT_NAME, SIDECAR_NAME, VOLUMES } from './names.ts'
import { HEALTH_PORT } from './probes.ts'

/** Why a pod gets no sidecar though nobody opted out: it would do harm, or nothing. `undefined`: it can have one. */
export function unfitness(spec: JsonObject): string | undefined {
  if (spec.hostNetwork === true) {
    return 'it uses the network of its node (hostNetwork), whose traffic is not redirected for one pod'
  }
  const system = textAt(objectAt(spec, 'os'), 'name') || textAt(objectAt(spec, 'nodeSelector'), 'kubernetes.io/os')
  if (system === 'windows') return 'it runs on Windows, for which there is no sidecar'
  return undefined
}

/** What the sidecar listens on. */
const OWN_PORTS = [15_000, 15_001, 15_006, HEALTH_PORT]
/** Two meshes would redirect to each other. */
const OTHER_MESHES = ['istio-proxy', 'istio-init', 'linkerd-proxy', 'linkerd-init', 'consul-dataplane', 'kuma-sidecar']

/** What must be changed in the pod before it can have a sidecar: one sentence for each, empty when nothing stands in the way. */
export function obstacles(spec: JsonObject, { uid, intercept }: Wishes): readonly string[] {
  const containers = [...objectsAt(spec, 'initContainers'), ...objectsAt(spec, 'containers')]
  const found: string[] = []
  for (const container of containers) {
    const name = textAt(container, 'name')
    if (name === SIDECAR_NAME || name === INIT_NAME) {
      found.push(`it has a container ${name} already, which this program did not put there: rename it`)
    }
    if (OTHER_MESHES.includes(name)) {
      found.push(`it has ${name}, of another mesh: take the pod out of one of the two`)
    }
    if (intercept === 'redirect' && userOf(spec, container) === uid) {
      found.push(
        `container ${name} runs as user ${uid}, as the sidecar does, and would bypass it: change its runAsUser, or the sidecar's with the annotation selvedge.dev/uid`,
      )
    }
    for (const { containerPort } of objectsAt(container, 'ports')) {
      if (typeof containerPort === 'number' && OWN_PORTS.includes(containerPort)) {
        found.push(`container ${name} listens on ${containerPort}, a port of the sidecar: move it`)
      }
    }
  }
  for (const volume of objectsAt(spec, 'volumes')) {
    const name = textAt(volume, 'name')
    if (VOLUMES.includes(name)) found.push(`it has a volume ${name} already: rename it`)
  }
  return found
}

/** Whom a container runs as, where the pod says so; an image may say it, too, which nobody can see here. */
function userOf(spec: JsonObject, container: JsonObject): number | undefined {
  for (const holder of [container, spec]) {
    const context = holder.securityContext
    if (isObject(context) && typeof context.runAsUser === 'number') return context.runAsUser
  }
  return undefined
}
