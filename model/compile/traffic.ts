import { type ServiceKey, serviceKey } from '../../common/mod.ts'
import { TRAFFIC_DEFAULTS, type TrafficPolicyResource } from '../resources/mod.ts'
import type { TrafficSettings } from '../snapshot/mod.ts'
import { memoOf } from './memo.ts'
import { millis } from './millis.ts'
import { compareAge } from './order.ts'
import { compileUpgrades } from './upgrades.ts'
import type { World } from './world.ts'

/** Of several policies for one Service the oldest holds, whole. */
const policyByService = memoOf((policies: ReadonlyMap<string, TrafficPolicyResource>) => {
  const chosen = new Map<ServiceKey, TrafficPolicyResource>()
  for (const policy of policies.values()) {
    const key = serviceKey(policy.metadata.namespace, policy.spec.targetRef.name)
    const before = chosen.get(key)
    if (before === undefined || compareAge(policy, before) < 0) chosen.set(key, policy)
  }
  return chosen
})

export function policyOf(world: World, key: ServiceKey): TrafficPolicyResource | undefined {
  return policyByService(world.trafficPolicies).get(key)
}

export function compileTraffic(world: World, key: ServiceKey): TrafficSettings {
  const policy = policyOf(world, key)
  const { circuitBreaker, outlierDetection, retryBudget, connectTimeout, preserveHeaderCase } =
    policy?.spec ?? TRAFFIC_DEFAULTS
  return {
    policy: policy === undefined ? undefined : `${policy.metadata.namespace}/${policy.metadata.name}`,
    breaker: {
      connectionsMax: circuitBreaker.maxConnections,
      pendingMax: circuitBreaker.maxPendingRequests,
      requestsMax: circuitBreaker.maxRequests,
    },
    outlier: {
      consecutiveErrors: outlierDetection.consecutiveErrors,
      baseEjectionMs: millis(outlierDetection.baseEjectionTime),
      ejectedPercentMax: outlierDetection.maxEjectedPercent,
      healthyPercentMin: outlierDetection.minHealthyPercent,
    },
    retryBudget: {
      percent: retryBudget.percent,
      minPerSecond: retryBudget.minRetriesPerSecond,
      windowMs: millis(retryBudget.interval),
    },
    connectTimeoutMs: millis(connectTimeout),
    keepsNameCase: preserveHeaderCase,
    upgrades: compileUpgrades(world, key),
  }
}
