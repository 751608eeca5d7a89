import type { ServiceKey } from '../../common/mod.ts'
import { workloadsOf } from './selectors.ts'
import type { World } from './world.ts'

/** Whether rules compiled from `before` hold for `after` too. False where it would take work to tell. */
export function sameRules(before: World, after: World): boolean {
  const { workloads: _before, ...rulesBefore } = before
  const { workloads: _after, ...rulesAfter } = after
  const maps: readonly (readonly [string, unknown])[] = Object.entries(rulesAfter)
  return maps.every(([name, map]) => rulesBefore[name as keyof typeof rulesBefore] === map)
}

/** Whether endpoints compiled from `before` hold for `after` too: the same Service, and the same workloads behind it. */
export function sameInstances(before: World, after: World, key: ServiceKey): boolean {
  const service = after.services.get(key)
  if (service === undefined || before.services.get(key) !== service) return false
  if (before.workloads === after.workloads) return true
  const behind = new Set(workloadsOf(before, service))
  const now = workloadsOf(after, service)
  return now.length === behind.size && now.every(workload => behind.has(workload))
}
