import { type ServiceKey, serviceKey, type WorkloadKey } from '../../common/mod.ts'
import type { ServiceResource, WorkloadResource } from '../resources/mod.ts'
import { memoOf } from './memo.ts'
import { compareText } from './order.ts'
import type { World } from './world.ts'

type Labels = Readonly<Record<string, string>>

/** For each label of each namespace, the workloads that carry it: a Service looks at the shortest list that its selector names. */
const workloadsByLabel = memoOf((workloads: ReadonlyMap<WorkloadKey, WorkloadResource>) => {
  const lists = new Map<string, WorkloadResource[]>()
  for (const workload of workloads.values()) {
    const { namespace, labels } = workload.metadata
    for (const [name, value] of Object.entries(labels)) push(lists, labelKey(namespace, name, value), workload)
  }
  return lists
})

/** Each Service under one label of its selector: a workload looks at the Services under its own labels. */
const servicesByLabel = memoOf((services: ReadonlyMap<ServiceKey, ServiceResource>) => {
  const lists = new Map<string, ServiceResource[]>()
  for (const service of services.values()) {
    const [first] = Object.entries(service.spec.selector ?? {})
    if (first !== undefined) push(lists, labelKey(service.metadata.namespace, ...first), service)
  }
  return lists
})

/** The workloads that a Service selects, in no order. A Service without a selector, or with an empty one, selects none. */
export function workloadsOf(world: World, service: ServiceResource): readonly WorkloadResource[] {
  const selector = service.spec.selector ?? {}
  const lists = workloadsByLabel(world.workloads)
  let shortest: readonly WorkloadResource[] | undefined
  for (const [name, value] of Object.entries(selector)) {
    const list = lists.get(labelKey(service.metadata.namespace, name, value))
    if (list === undefined) return []
    if (shortest === undefined || list.length < shortest.length) shortest = list
  }
  return shortest?.filter(workload => selects(selector, workload.metadata.labels)) ?? []
}

/** The Services that select a workload, sorted. */
export function servicesOf(world: World, workload: WorkloadResource): ServiceKey[] {
  const { namespace, labels } = workload.metadata
  const lists = servicesByLabel(world.services)
  const keys: ServiceKey[] = []
  for (const [name, value] of Object.entries(labels)) {
    for (const service of lists.get(labelKey(namespace, name, value)) ?? []) {
      if (selects(service.spec.selector ?? {}, labels)) keys.push(serviceKey(namespace, service.metadata.name))
    }
  }
  return keys.sort(compareText)
}

function selects(selector: Labels, labels: Labels): boolean {
  for (const [name, value] of Object.entries(selector)) if (labels[name] !== value) return false
  return true
}

/** Neither a namespace nor a label holds a space. */
function labelKey(namespace: string, name: string, value: string): string {
  return `${namespace} ${name} ${value}`
}

function push<Item>(lists: Map<string, Item[]>, key: string, item: Item): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [item])
  else list.push(item)
}
