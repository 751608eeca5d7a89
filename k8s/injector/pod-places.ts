import { isObject, type JsonObject, objectAt, textAt } from './json.ts'

/** Where a kind keeps its pod; empty: it is one. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  PodTemplate: ['template'],
}

/** Whose kinds these are. */
const GROUPS = ['v1', 'apps/v1', 'batch/v1']

/** The way to the pod in a resource of this kind; `undefined`: it has none that we know. */
export function podPlace(resource: JsonObject): readonly string[] | undefined {
  const kind = textAt(resource, 'kind')
  return GROUPS.includes(textAt(resource, 'apiVersion')) && Object.hasOwn(PLACES, kind) ? PLACES[kind] : undefined
}

/** The same resource with `change` made of what lies at `place`. */
export function changedAt(
  resource: JsonObject,
  place: readonly string[],
  change: (pod: JsonObject) => JsonObject,
): JsonObject {
  const [name, ...rest] = place
  if (name === undefined) return change(resource)
  return { ...resource, [name]: changedAt(objectAt(resource, name), rest, change) }
}

/** `Deployment shop/reviews`, as people speak of it. */
export function titleOf(resource: JsonObject): string {
  const metadata = isObject(resource.metadata) ? resource.metadata : {}
  const namespace = textAt(metadata, 'namespace')
  const name = textAt(metadata, 'name') || textAt(metadata, 'generateName') || '(without a name)'
  return `${textAt(resource, 'kind') || 'a resource'} ${namespace === '' ? '' : `${namespace}/`}${name}`
}
