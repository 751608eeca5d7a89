import { createHash } from 'node:crypto'
import { err, formatDurationMs, isDnsLabel, ok, type Result, stableJson } from '../../common/mod.ts'
import { INJECT, INJECTED, INJECTED_HASH, PREFIX, readWishes, type Wishes } from './annotations.ts'
import { applicationPorts } from './application-ports.ts'
import { initContainer, PROBES_VARIABLE, sidecarContainer } from './containers.ts'
import { tellOfProxy } from './explicit-proxy.ts'
import { isObject, type Json, type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { INIT_NAME, SIDECAR_NAME, VOLUMES } from './names.ts'
import { obstacles, unfitness } from './obstacles.ts'
import { type ProbeTable, rewriteProbes } from './probes.ts'
import type { InjectSettings } from './settings.ts'
import { injectedVolumes } from './volumes.ts'

/** What became of one pod, or of one template for pods. */
export type PodOutcome =
  | { readonly kind: 'injected'; readonly warnings: readonly string[] }
  /** It has its sidecar already; what came to it since has been seen to. */
  | { readonly kind: 'present' }
  | { readonly kind: 'skipped'; readonly why: string; readonly asked: boolean }
  /** It cannot have a sidecar as it is, and was not to go without one. */
  | { readonly kind: 'refused'; readonly why: string }

export interface PodInjection {
  /** A pod, or a template: what has `metadata` and `spec`. The very same where nothing was changed. */
  readonly pod: JsonObject
  readonly outcome: PodOutcome
}

/** Kubernetes' own default. */
const GRACE_SECONDS = 30
/** Of the grace period, what is left for closing after the drain. */
const CLOSING_SECONDS = 5
const DRAIN_SECONDS_MAX = 30
/** As many as a sidecar takes, of each. */
const LABELS_MAX = 64
const PORTS_MAX = 64
const PROBES_MAX = 128

/** Adds to a pod what it needs to be in the mesh. Pure; the same twice: what has been injected comes back as it is. */
export function injectPod(pod: JsonObject, settings: InjectSettings): PodInjection {
  const refused = (why: string): PodInjection => ({ pod, outcome: { kind: 'refused', why } })
  const skipped = (why: string, asked: boolean): PodInjection => ({ pod, outcome: { kind: 'skipped', why, asked } })
  const { spec } = pod
  if (!isObject(spec) || objectsAt(spec, 'containers').length === 0) {
    return refused('it has no spec with a list of containers')
  }
  for (const list of ['containers', 'initContainers', 'volumes']) {
    if (!isListOfObjects(spec[list])) return refused(`its spec.${list} is not a list of objects`)
  }
  const annotations = objectAt(objectAt(pod, 'metadata'), 'annotations')
  const labels = objectAt(objectAt(pod, 'metadata'), 'labels')
  for (const [what, held] of [
    ['label', labels],
    ['annotation', annotations],
  ] as const) {
    const wish = held[INJECT]
    if (wish === 'false') return skipped(`the ${what} ${INJECT} is "false"`, true)
    if (wish !== undefined && wish !== 'true')
      return refused(`the ${what} ${INJECT} must be "true" or "false", in quotes`)
  }
  const unfit = unfitness(spec)
  if (unfit !== undefined) return skipped(unfit, false)
  const wishes = readWishes(annotations)
  if (!wishes.ok) return refused(wishes.error)
  const present = presence(annotations, spec)
  if (present === 'whole') return again(pod, spec, wishes.value)
  if (present === 'torn') {
    return refused(`the annotation ${INJECTED} says that it has a sidecar, but it has none: remove the annotation`)
  }
  const found = obstacles(spec, wishes.value)
  if (found.length > 0) return refused(found.join('; '))
  const account = textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount') || 'default'
  if (!isDnsLabel(account)) {
    return refused(`its service account ${account} has no name that an identity can have: letters, digits and hyphens`)
  }
  const built = build(pod, spec, wishes.value, settings, account)
  return built.ok
    ? { pod: built.value, outcome: { kind: 'injected', warnings: warningsOf(spec) } }
    : refused(built.error)
}

/** Absent and `null` are lists, too: empty ones. */
function isListOfObjects(value: Json | undefined): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.every(isObject))
}

function presence(annotations: JsonObject, spec: JsonObject): 'whole' | 'torn' | 'none' {
  if (annotations[INJECTED] === undefined) return 'none'
  return objectsAt(spec, 'initContainers').some(({ name }) => name === SIDECAR_NAME) ? 'whole' : 'torn'
}

function build(
  pod: JsonObject,
  spec: JsonObject,
  wishes: Wishes,
  settings: InjectSettings,
  account: string,
): Result<JsonObject, string> {
  const redirect = wishes.intercept === 'redirect'
  const seen = seenTo(spec, wishes)
  if (!seen.ok) return seen
  const { containers, initContainers, probes } = seen.value
  const metadata = objectAt(pod, 'metadata')
  const annotations = objectAt(metadata, 'annotations')
  const labels = labelsOf(objectAt(metadata, 'labels'))
  if (labels.length > LABELS_MAX) return err(`it has ${labels.length} labels, and a workload may have ${LABELS_MAX}`)
  const ports = applicationPorts(spec, wishes)
  if (ports.length > PORTS_MAX) {
    return err(
      `it has ${ports.length} ports, and a workload may have ${PORTS_MAX}: name them with the annotation selvedge.dev/ports`,
    )
  }
  if (Object.keys(probes).length > PROBES_MAX) return err(`it has more than ${PROBES_MAX} probes over the network`)
  const sidecar = sidecarContainer({
    wishes,
    settings,
    ports,
    labels,
    probes,
    drainTimeout: wishes.drainTimeout ?? drainTimeout(spec.terminationGracePeriodSeconds),
  })
  // Rules first, so that nothing leaves past the sidecar; then the sidecar, so that the init containers of others have a network.
  const added = redirect ? [initContainer(wishes, settings), sidecar] : [sidecar]
  const volumes = injectedVolumes(settings.trustDomain, wishes.joinTokenSecret ?? `selvedge-join-${account}`)
  const hash = createHash('sha256')
    .update(stableJson([added, volumes]))
    .digest('hex')
    .slice(0, HASH_CHARACTERS)
  return ok({
    ...pod,
    metadata: {
      ...metadata,
      annotations: { ...annotations, [INJECTED]: settings.version, [INJECTED_HASH]: hash },
    },
    spec: {
      ...spec,
      initContainers: [...added, ...initContainers],
      containers: [...containers],
      volumes: [...objectsAt(spec, 'volumes'), ...volumes],
    },
  })
}

const HASH_CHARACTERS = 16

/**
 * A pod that has its sidecar, seen once more: another webhook may have added containers since, whose probes need the sidecar, too, and whose user
 * must not be its.
 */
function again(pod: JsonObject, spec: JsonObject, wishes: Wishes): PodInjection {
  const sidecar = objectsAt(spec, 'initContainers').find(({ name }) => name === SIDECAR_NAME) ?? {}
  const others = { ...spec, initContainers: objectsAt(spec, 'initContainers').filter(({ name }) => !isOurs(name)) }
  const strange = obstacles(
    { ...others, volumes: objectsAt(spec, 'volumes').filter(({ name }) => !isOurs(name)) },
    wishes,
  )
  if (strange.length > 0) return { pod, outcome: { kind: 'refused', why: strange.join('; ') } }
  const seen = seenTo(others, wishes)
  if (!seen.ok) return { pod, outcome: { kind: 'refused', why: seen.error } }
  const { containers, initContainers, probes } = seen.value
  const before = [...others.initContainers, ...objectsAt(spec, 'containers')]
  const untouched = [...initContainers, ...containers].every((container, at) => container === before[at])
  if (untouched) return { pod, outcome: { kind: 'present' } }
  const ours = objectsAt(spec, 'initContainers')
    .filter(({ name }) => isOurs(name))
    .map(container => (container.name === SIDECAR_NAME ? withProbes(sidecar, probes) : container))
  return {
    pod: { ...pod, spec: { ...spec, initContainers: [...ours, ...initContainers], containers: [...containers] } },
    outcome: { kind: 'present' },
  }
}

function isOurs(name: Json | undefined): boolean {
  return typeof name === 'string' && (name === SIDECAR_NAME || name === INIT_NAME || VOLUMES.includes(name))
}

/** The sidecar, asking for these probes beside those that it knows. */
function withProbes(sidecar: JsonObject, probes: ProbeTable): JsonObject {
  const env = objectsAt(sidecar, 'env')
  const known = env.find(({ name }) => name === PROBES_VARIABLE)
  const before = known === undefined ? {} : (JSON.parse(textAt(known, 'value') || '{}') as ProbeTable)
  const value = JSON.stringify({ ...before, ...probes })
  return { ...sidecar, env: [...env.filter(({ name }) => name !== PROBES_VARIABLE), { name: PROBES_VARIABLE, value }] }
}

interface SeenTo {
  readonly containers: readonly JsonObject[]
  readonly initContainers: readonly JsonObject[]
  readonly probes: ProbeTable
}

/** The user's own containers, as they must be beside a sidecar. */
function seenTo(spec: JsonObject, wishes: Wishes): Result<SeenTo, string> {
  const containers = objectsAt(spec, 'containers')
  const initContainers = objectsAt(spec, 'initContainers')
  if (wishes.intercept === 'none') {
    return ok({ containers: tellOfProxy(containers), initContainers: tellOfProxy(initContainers), probes: {} })
  }
  if (!wishes.rewriteProbes) return ok({ containers, initContainers, probes: {} })
  const main = rewriteProbes(containers)
  if (!main.ok) return main
  const init = rewriteProbes(initContainers)
  if (!init.ok) return init
  return ok({
    containers: main.value.containers,
    initContainers: init.value.containers,
    probes: { ...init.value.probes, ...main.value.probes },
  })
}

function labelsOf(labels: JsonObject): readonly (readonly [string, string])[] {
  return Object.entries(labels).flatMap(([name, value]) =>
    typeof value === 'string' && !name.startsWith(PREFIX) ? [[name, value] as const] : [],
  )
}

function drainTimeout(graceSeconds: Json | undefined): string {
  const grace = typeof graceSeconds === 'number' ? graceSeconds : GRACE_SECONDS
  return formatDurationMs(Math.max(1, Math.min(DRAIN_SECONDS_MAX, grace - CLOSING_SECONDS)) * 1_000)
}

function warningsOf(spec: JsonObject): readonly string[] {
  return spec.shareProcessNamespace === true
    ? ['its containers share their processes: one that is root can read the key of the sidecar']
    : []
}
