import { err, ok, type Result } from '../../common/mod.ts'
import { isObject, type Json, type JsonObject, objectAt, objectsAt, textAt } from './json.ts'

/**
 * What the kubelet asks over the network, by the path at which it asks the sidecar for it from now on. The sidecar asks the
 * application in its place: the kubelet has no certificate, and what it asks in plaintext is refused, or answered by the sidecar itself.
 */
export type ProbeTable = Readonly<Record<string, JsonObject>>

/** The sidecar's port for health and metrics; also the kubelet's way in. */
export const HEALTH_PORT = 15_020

export interface Rewritten {
  readonly containers: readonly JsonObject[]
  readonly probes: ProbeTable
}

const PROBES = { startupProbe: 'startup', livenessProbe: 'liveness', readinessProbe: 'readiness' } as const
const HOOKS = { postStart: 'post-start', preStop: 'pre-stop' } as const

/** Points all probes and hooks of `containers` that go over the network to the sidecar. Those that do already, or run a program, stay. */
export function rewriteProbes(containers: readonly JsonObject[]): Result<Rewritten, string> {
  const probes: Record<string, JsonObject> = {}
  const rewritten: JsonObject[] = []
  for (const container of containers) {
    const result = rewriteContainer(container, probes)
    if (!result.ok) return result
    rewritten.push(result.value)
  }
  return ok({ containers: rewritten, probes })
}

function rewriteContainer(container: JsonObject, probes: Record<string, JsonObject>): Result<JsonObject, string> {
  const changed: Record<string, Json> = { ...container }
  const name = textAt(container, 'name')
  for (const [field, word] of Object.entries(PROBES)) {
    const probe = container[field]
    if (!isObject(probe)) continue
    const asked = askedOf(container, probe)
    if (!asked.ok) return err(`the ${field} of container ${name}: ${asked.error}`)
    if (asked.value === undefined) continue
    const path = `/application/${name}/${word}`
    const timeoutSeconds = typeof probe.timeoutSeconds === 'number' ? probe.timeoutSeconds : 1
    probes[path] = { ...asked.value, timeoutSeconds }
    const { httpGet: _http, tcpSocket: _tcp, grpc: _grpc, ...rest } = probe
    changed[field] = { httpGet: { path, port: HEALTH_PORT }, ...rest }
  }
  const hooks: Record<string, Json> = { ...objectAt(container, 'lifecycle') }
  for (const [field, word] of Object.entries(HOOKS)) {
    const hook = hooks[field]
    if (!isObject(hook)) continue
    const asked = askedOf(container, hook)
    if (!asked.ok) return err(`the ${field} hook of container ${name}: ${asked.error}`)
    if (asked.value === undefined) continue
    const path = `/application/${name}/${word}`
    probes[path] = { ...asked.value, timeoutSeconds: HOOK_SECONDS }
    hooks[field] = { httpGet: { path, port: HEALTH_PORT } }
    changed.lifecycle = { ...hooks }
  }
  const same = Object.entries(changed).every(([field, value]) => value === container[field])
  return ok(same ? container : changed)
}

/** A hook has no limit of its own in Kubernetes but the grace period. */
const HOOK_SECONDS = 30

/** What goes over the network to this pod; `undefined`: nothing does, or it is ours already. */
function askedOf(container: JsonObject, probe: JsonObject): Result<JsonObject | undefined, string> {
  if (isObject(probe.httpGet)) {
    const { port, host, path, scheme, httpHeaders } = probe.httpGet
    // Another host than the pod is no business of this pod's sidecar.
    if (typeof host === 'string' && host !== '') return ok(undefined)
    const number = portOf(container, port)
    if (!number.ok) return number
    if (number.value === HEALTH_PORT) return ok(undefined)
    return ok({
      httpGet: {
        port: number.value,
        path: typeof path === 'string' && path !== '' ? path : '/',
        ...(scheme === 'HTTPS' ? { scheme } : {}),
        ...(Array.isArray(httpHeaders) && httpHeaders.length > 0 ? { httpHeaders } : {}),
      },
    })
  }
  if (isObject(probe.tcpSocket)) {
    const { port, host } = probe.tcpSocket
    if (typeof host === 'string' && host !== '') return ok(undefined)
    const number = portOf(container, port)
    return number.ok ? ok({ tcpSocket: { port: number.value } }) : number
  }
  if (isObject(probe.grpc)) {
    const { port, service } = probe.grpc
    const number = portOf(container, port)
    if (!number.ok) return number
    return ok({ grpc: { port: number.value, ...(typeof service === 'string' && service !== '' ? { service } : {}) } })
  }
  return ok(undefined)
}

/** A number, or the name of one of the container's ports. */
function portOf(container: JsonObject, port: Json | undefined): Result<number, string> {
  if (typeof port === 'number') return ok(port)
  // As kubectl's own YAML does, `"8080"` is read as a name; Kubernetes refuses a name without a letter, and so do we.
  const named = objectsAt(container, 'ports').find(({ name }) => name === port)
  return typeof named?.containerPort === 'number'
    ? ok(named.containerPort)
    : err(`no port of the container is called ${JSON.stringify(port ?? null)}`)
}
