import { isDnsLabel } from '../../common/mod.ts'
import { PREFIX } from './annotations.ts'
import { injectPod, type PodOutcome } from './inject-pod.ts'
import { isObject, type Json, type JsonObject, objectAt, textAt } from './json.ts'
import { changedAt, podPlace, titleOf } from './pod-places.ts'
import type { InjectSettings } from './settings.ts'

/** What became of one resource that has pods. */
export interface Injected {
  /** `Deployment shop/reviews` */
  readonly title: string
  readonly outcome: PodOutcome
}

export interface Injection {
  /** The resource as it shall be; the very same where nothing was changed. */
  readonly resource: Json
  /** One for each pod or template in it; empty for a Service and its like. */
  readonly outcomes: readonly Injected[]
}

/**
 * Puts a sidecar into every pod of a resource: a Pod, a workload with a template, or a List of them. Pure, and the same twice. What has no
 * pod comes back as it is.
 */
export function inject(resource: Json, settings: InjectSettings): Injection {
  if (!isObject(resource)) return { resource, outcomes: [] }
  if (isList(resource)) return injectList(resource, settings)
  const place = podPlace(resource)
  if (place === undefined) return { resource, outcomes: [] }
  const title = titleOf(resource)
  const fault = nameFault(resource)
  if (fault !== undefined) return { resource, outcomes: [{ title, outcome: { kind: 'refused', why: fault } }] }
  let outcome: PodOutcome = { kind: 'refused', why: 'it has no pod' }
  let same = true
  const changed = changedAt(resource, place, pod => {
    const injection = injectPod(pod, settings)
    outcome = injection.outcome
    same = injection.pod === pod
    return injection.pod
  })
  return { resource: same ? resource : changed, outcomes: [{ title, outcome: warned(outcome, resource, place) }] }
}

/** With a word on wishes that stand where nobody reads them: a pod does not get its workload's annotations. */
function warned(outcome: PodOutcome, resource: JsonObject, place: readonly string[]): PodOutcome {
  if (outcome.kind !== 'injected' || place.length === 0) return outcome
  const metadata = objectAt(resource, 'metadata')
  const misplaced = [
    ...Object.keys(objectAt(metadata, 'annotations')),
    ...Object.keys(objectAt(metadata, 'labels')),
  ].find(name => name.startsWith(PREFIX))
  if (misplaced === undefined) return outcome
  const warning = `${misplaced} of the workload itself says nothing: put it into ${[...place, 'metadata'].join('.')}`
  return { ...outcome, warnings: [...outcome.warnings, warning] }
}

function injectList(list: JsonObject, settings: InjectSettings): Injection {
  const items = Array.isArray(list.items) ? (list.items as readonly Json[]) : []
  const injections = items.map(item => inject(item, settings))
  const outcomes = injections.flatMap(injection => injection.outcomes)
  const changed = injections.some((injection, at) => injection.resource !== items[at])
  return { resource: changed ? { ...list, items: injections.map(injection => injection.resource) } : list, outcomes }
}

/** `List`, as kubectl writes it, and `PodList` and its kin, as the API answers. */
function isList({ kind, items }: JsonObject): boolean {
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)
}

/** A workload is called as its pod, whose name must then be a DNS label; others make names of their own that are. */
function nameFault(resource: JsonObject): string | undefined {
  const kind = textAt(resource, 'kind')
  const name = textAt(objectAt(resource, 'metadata'), 'name')
  if ((kind !== 'Pod' && kind !== 'StatefulSet') || name === '' || isDnsLabel(name)) return undefined
  return `its name is no DNS label, which the name of a workload must be: letters, digits and hyphens, at most 63`
}
