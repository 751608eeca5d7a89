import type { AttemptClass } from '../../common/mod.ts'
import type { TrafficSettings } from '../../model/snapshot/mod.ts'
import type { OutlierGroup } from './group.ts'
import { isEjected, type OutlierState } from './state.ts'

export type OutlierSettings = TrafficSettings['outlier']

/** Ejections grow with their number up to this, unless the base is longer. Envoy's `max_ejection_time`. */
const EJECTION_MAX_MS = 300_000
/** One earlier ejection is forgiven for each such time that the endpoint was in: a bad day last month says nothing. */
const FORGIVEN_AFTER_MS = 300_000

/**
 * Tells an endpoint's state how an attempt ended. `consecutiveErrors` failures in a row eject it for `baseEjectionMs`
 * times the number of its ejections, if the group can spare it; if not, each further failure asks again. What ends
 * while it is ejected does not count.
 */
export function recordOutcome(
  state: OutlierState,
  group: OutlierGroup,
  settings: OutlierSettings,
  outcome: AttemptClass,
  nowMs: number,
): 'ejected' | 'none' {
  if (outcome === 'success') {
    state.consecutiveErrors = 0
    group.spare(state, false)
    return 'none'
  }
  if (outcome === 'cancelled' || isEjected(state, nowMs)) return 'none'
  state.consecutiveErrors += 1
  if (settings.consecutiveErrors === 0 || state.consecutiveErrors < settings.consecutiveErrors) return 'none'
  if (group.ejected(nowMs) >= ejectedMax(group.size, settings)) {
    group.spare(state, true)
    return 'none'
  }

  const forgiven = Math.floor((nowMs - state.ejectedUntilMs) / FORGIVEN_AFTER_MS)
  state.ejections = Math.max(0, state.ejections - forgiven) + 1
  const longestMs = Math.max(EJECTION_MAX_MS, settings.baseEjectionMs)
  state.ejectedUntilMs = nowMs + Math.min(settings.baseEjectionMs * state.ejections, longestMs)
  state.consecutiveErrors = 0
  group.spare(state, false)
  group.recount()
  return 'ejected'
}

/**
 * Whether so few members are healthy that all are used, ejected or not: better some failures than all load on the last
 * ones. Who fails like those that are ejected isn't healthy either, though it is in: when one of two is out and the
 * other dies, the first may long be well again.
 */
export function usableInPanic(group: OutlierGroup, settings: OutlierSettings, nowMs: number): boolean {
  const ejected = group.ejected(nowMs)
  if (ejected === 0) return false
  return (group.size - ejected - group.spared) * 100 < settings.healthyPercentMin * group.size
}

/**
 * The same for one port of a service that has several, whose endpoints are some of the group's: those of another port are no use to it, so that a port's only
 * endpoint is used, though it is one of many in the group.
 */
export function portInPanic(
  endpoints: readonly { readonly outlier: OutlierState }[],
  group: OutlierGroup,
  settings: OutlierSettings,
  nowMs: number,
): boolean {
  if (group.ejected(nowMs) === 0) return false
  let ejected = 0
  let healthy = 0
  for (const { outlier } of endpoints) {
    if (isEjected(outlier, nowMs)) ejected += 1
    else if (!outlier.spared) healthy += 1
  }
  return ejected > 0 && healthy * 100 < settings.healthyPercentMin * endpoints.length
}

/** At least one of two or more may go, however small the percentage; 0 percent means none. */
function ejectedMax(size: number, settings: OutlierSettings): number {
  const byPercent = Math.floor((size * settings.ejectedPercentMax) / 100)
  return byPercent === 0 && size >= 2 && settings.ejectedPercentMax > 0 ? 1 : byPercent
}
