import { describe, expect, it } from 'vitest'
import { type ServiceKey, serviceKey } from '../../common/mod.ts'
import { backoffMs, patienceMs } from './backoff.ts'
import { createInterest, type Interest } from './interest.ts'
import type { VersionedUpdate } from './messages.ts'

const [a, b, c] = ['a', 'b', 'c'].map(name => serviceKey('ns', name)) as [ServiceKey, ServiceKey, ServiceKey]

function present(...keys: ServiceKey[]): VersionedUpdate {
  return {
    update: {
      ...{ revision: '1', self: undefined, absent: [] },
      endpoints: keys.map(service => ({ service, endpoints: [] })),
      services: keys.map(key => ({ key, ports: [], routing: { kind: 'none-attached' }, traffic })),
    },
    versions: new Map(keys.flatMap(key => [[`service/${key}`, 'v'] as const, [`endpoints/${key}`, 'v'] as const])),
  }
}
function absent(...keys: ServiceKey[]): VersionedUpdate {
  return {
    update: { revision: '1', self: undefined, absent: keys, endpoints: [], services: [] },
    versions: new Map(),
  }
}
const nowMs = () => 0
const versionsOf = (interest: Interest) => [...interest.held()].map(([name, { version }]) => [name, version])
const traffic = {
  policy: undefined,
  breaker: { connectionsMax: 1, pendingMax: 1, requestsMax: 1 },
  outlier: { consecutiveErrors: 0, baseEjectionMs: 0, ejectedPercentMax: 0, healthyPercentMin: 0 },
  retryBudget: { percent: 0, minPerSecond: 0, windowMs: 0 },
  connectTimeoutMs: 1,
  keepsNameCase: false,
  upgrades: undefined,
}

describe('what a sidecar is interested in', () => {
  it('is asked for once', () => {
    const interest = createInterest({ nowMs })
    expect(interest.want(a)).toEqual({ kind: 'new', dropped: undefined })
    expect(interest.want(a)).toEqual({ kind: 'known' })
    expect(interest.subscriptions()).toEqual([a])
  })

  it('need not be asked for when it came along as a backend', () => {
    const interest = createInterest({ nowMs })
    interest.applied(present(b))
    expect(interest.want(b)).toEqual({ kind: 'known' })
    expect(interest.subscriptions()).toEqual([])
  })

  it('is held with its versions, and told again', () => {
    const interest = createInterest({ nowMs })
    interest.want(a)
    interest.applied(present(a))
    expect(versionsOf(interest)).toEqual([
      ['service/ns/a', 'v'],
      ['endpoints/ns/a', 'v'],
    ])
  })

  it('is known to be absent, and held so, until it is there', () => {
    const interest = createInterest({ nowMs })
    interest.want(a)
    interest.applied(present(a))
    interest.applied(absent(a))
    expect(interest.want(a)).toEqual({ kind: 'absent' })
    expect(versionsOf(interest)).toEqual([['service/ns/a', '-']])
    interest.applied(present(a))
    expect(interest.want(a)).toEqual({ kind: 'known' })
  })

  it('forgets a backend that is gone, so that it is asked for when it is wanted', () => {
    const interest = createInterest({ nowMs })
    interest.applied(present(b))
    interest.applied(absent(b))
    expect([...interest.held()]).toEqual([])
    expect(interest.want(b)).toEqual({ kind: 'new', dropped: undefined })
  })

  it('lets go of what nobody uses, and asks for it again when it is wanted', () => {
    const interest = createInterest({ nowMs })
    interest.want(a)
    interest.applied(present(a, b))
    interest.forget([a])
    expect(interest.subscriptions()).toEqual([])
    expect(versionsOf(interest).map(([name]) => name)).toEqual(['service/ns/b', 'endpoints/ns/b'])
    expect(interest.wasForgotten(a)).toBe(true)
    expect(interest.want(a)).toEqual({ kind: 'new', dropped: undefined })
    interest.applied(present(a))
    expect(interest.wasForgotten(a)).toBe(false)
  })

  it('lets go of what does not exist some time after it was wanted last', () => {
    let now = 0
    const interest = createInterest({ nowMs: () => now })
    for (const key of [a, b]) interest.want(key)
    interest.applied(absent(a, b))
    now = 1_000
    interest.want(a)
    expect(interest.forgetAbsent(1_000)).toEqual([b])
    expect(interest.subscriptions()).toEqual([a])
    expect(interest.forgetAbsent(1_001)).toEqual([a])
    expect(versionsOf(interest)).toEqual([])
  })

  it('gives up the oldest that does not exist when it is full, and nothing that does', () => {
    const interest = createInterest({ nowMs, subscriptionsMax: 2 })
    interest.want(a)
    interest.want(b)
    expect(interest.want(c)).toEqual({ kind: 'full' })
    interest.applied(absent(b))
    expect(interest.want(c)).toEqual({ kind: 'new', dropped: b })
    expect(interest.subscriptions()).toEqual([a, c])
  })
})

describe('the pause before another attempt', () => {
  it('doubles from 100 ms to one second, and half of it is chance', () => {
    const pauses = (random: number) => [0, 1, 2, 3, 4, 50].map(attempt => backoffMs(attempt, () => random))
    expect(pauses(0)).toEqual([50, 100, 200, 400, 500, 500])
    expect(pauses(1)).toEqual([100, 200, 400, 800, 1_000, 1_000])
  })

  it('[DISC-6] is as long as the attempt took that failed late, so that a storm does not feed on itself', () => {
    const pauses = [10, 400, 2_000, 20_000].map(tookMs => backoffMs(0, () => 0, tookMs))
    expect(pauses).toEqual([50, 400, 2_000, 2_500])
    expect([0, 1, 2, 3, 50].map(patienceMs)).toEqual([5_000, 10_000, 20_000, 20_000, 20_000])
  })
})
