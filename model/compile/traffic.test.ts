import { describe, expect, test } from 'vitest'
import { compileService } from './mod.ts'
import { aPolicy, aService, service, worldFrom } from './world.fixture.ts'

const TARGET = 'targetRef: {kind: Service, name: a}'

function trafficOf(...policies: readonly string[]) {
  return compileService(worldFrom(aService('shop/a'), ...policies), 'shop', service('shop/a'))?.traffic
}

describe('traffic settings of a Service', () => {
  test('without a policy are the defaults', () => {
    expect(trafficOf()).toEqual({
      policy: undefined,
      breaker: { connectionsMax: 1024, pendingMax: 1024, requestsMax: 1024 },
      outlier: { consecutiveErrors: 5, baseEjectionMs: 30_000, ejectedPercentMax: 50, healthyPercentMin: 50 },
      retryBudget: { percent: 20, minPerSecond: 10, windowMs: 10_000 },
      connectTimeoutMs: 1000,
      keepsNameCase: false,
      upgrades: undefined,
    })
  })

  test('are those of its policy, and the defaults where it says nothing', () => {
    const spec = `${TARGET}, circuitBreaker: {maxRequests: 7}, outlierDetection: {consecutiveErrors: 0}, retryBudget: {percent: 1.5}, connectTimeout: 250ms`
    expect(trafficOf(aPolicy('TrafficPolicy', 'shop/p', spec))).toEqual({
      policy: 'shop/p',
      breaker: { connectionsMax: 1024, pendingMax: 1024, requestsMax: 7 },
      outlier: { consecutiveErrors: 0, baseEjectionMs: 30_000, ejectedPercentMax: 50, healthyPercentMin: 50 },
      retryBudget: { percent: 1.5, minPerSecond: 10, windowMs: 10_000 },
      connectTimeoutMs: 250,
      keepsNameCase: false,
      upgrades: undefined,
    })
  })

  test('ignore a policy in another namespace', () => {
    expect(trafficOf(aPolicy('TrafficPolicy', 'other/p', TARGET))?.policy).toBeUndefined()
  })

  test('of two policies are those of the older, whatever their names', () => {
    const policies = [
      aPolicy('TrafficPolicy', 'shop/a', TARGET),
      aPolicy('TrafficPolicy', 'shop/b', TARGET, '2026-01-02T00:00:00Z'),
      aPolicy('TrafficPolicy', 'shop/c', TARGET, '2026-01-02T00:30:00+01:00'),
    ]
    expect(trafficOf(...policies)?.policy).toBe('shop/c')
    expect(trafficOf(...policies.toReversed())?.policy).toBe('shop/c')
  })

  test('of two policies without an age are those of the first by name', () => {
    expect(
      trafficOf(aPolicy('TrafficPolicy', 'shop/y', TARGET), aPolicy('TrafficPolicy', 'shop/x', TARGET))?.policy,
    ).toBe('shop/x')
  })
})
