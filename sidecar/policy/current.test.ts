import { describe, expect, test } from 'vitest'
import type { Port, ServiceKey } from '../../common/mod.ts'
import type { EndpointsSnapshot, ServiceSnapshot, SnapshotUpdate, TrafficSettings } from '../../model/snapshot/mod.ts'
import { CurrentPolicy, type PolicySink, type PolicySource } from './mod.ts'

const TRAFFIC: TrafficSettings = {
  policy: undefined,
  breaker: { connectionsMax: 1, pendingMax: 1, requestsMax: 1 },
  outlier: { consecutiveErrors: 5, baseEjectionMs: 1, ejectedPercentMax: 50, healthyPercentMin: 50 },
  retryBudget: { percent: 20, minPerSecond: 10, windowMs: 10_000 },
  connectTimeoutMs: 1_000,
  keepsNameCase: false,
  upgrades: undefined,
}
const key = (name: string) => `shop/${name}` as ServiceKey
const port = (number: number) => number as Port

const service = (name: string, number = 80): ServiceSnapshot => ({
  key: key(name),
  ports: [{ port: port(number), name: '', protocol: 'http' }],
  routing: { kind: 'none-attached' },
  traffic: TRAFFIC,
})
/** One whose regular expression is none. */
const faulty = (name: string): ServiceSnapshot => ({
  ...service(name),
  routing: {
    kind: 'routes',
    entries: [{ ports: [], rule: 0, path: { kind: 'regex', value: '(' }, method: undefined, headers: [], query: [] }],
    rules: [
      {
        ...{ route: 'shop/r', name: '#0', filters: [], backends: [] },
        ...{ requestTimeoutMs: undefined, attemptTimeoutMs: undefined, retry: undefined },
      },
    ],
  },
})
const endpoints = (name: string): EndpointsSnapshot => ({ service: key(name), endpoints: [] })
const update = (parts: Partial<SnapshotUpdate>): SnapshotUpdate => ({
  ...{ revision: '1', self: undefined, services: [], endpoints: [], absent: [] },
  ...parts,
})

/** Notes what is wanted; answers at once where it is told how. */
class FakeSource implements PolicySource {
  readonly wanted: ServiceKey[] = []
  away = false
  answer: ((service: ServiceKey) => SnapshotUpdate) | undefined = undefined
  private sink: PolicySink | undefined = undefined

  start(sink: PolicySink): void {
    this.sink = sink
  }

  want(service: ServiceKey): void {
    this.wanted.push(service)
    if (this.answer !== undefined) this.sink?.apply(this.answer(service))
  }

  connected(): boolean {
    return !this.away
  }

  async close(): Promise<void> {}
}

function followed() {
  const clock = { nowMs: 0 }
  const policy = new CurrentPolicy(() => clock.nowMs)
  const source = new FakeSource()
  policy.follow(source)
  return { clock, policy, source }
}

describe('an update', () => {
  test('is in force as a whole', () => {
    const { policy } = followed()
    const told: string[] = []
    policy.onChange({
      changed: (services, self) => {
        told.push(`${services.join(' ')} ${self} ${policy.lookup(key('a')).kind} ${policy.lookup(key('b')).kind}`)
      },
    })
    const answer = policy.apply(
      update({ revision: '7', services: [service('a'), service('b')], endpoints: [endpoints('a')] }),
    )
    expect(answer).toEqual({ ok: true, value: undefined })
    expect(told).toEqual(['shop/a shop/b false known known'])
    expect(policy.lookup(key('a'))).toMatchObject({ kind: 'known', service: { snapshot: { key: 'shop/a' } } })
    expect(policy.endpointsOf(key('a'))).toEqual(endpoints('a'))
    expect(policy).toMatchObject({ revision: '7', applied: 1, refused: 0 })
  })

  test('of which one part is faulty is refused as a whole, with every fault, and the last good one stays', () => {
    const { policy } = followed()
    policy.apply(update({ revision: '1', services: [service('a')], endpoints: [endpoints('a')] }))
    const before = policy.lookup(key('a'))
    let told = 0
    policy.onChange({ changed: () => void told++ })
    const answer = policy.apply(
      update({
        revision: '2',
        services: [service('a', 81), faulty('b'), faulty('c')],
        endpoints: [endpoints('d')],
        absent: [key('a')],
      }),
    )
    expect(answer).toMatchObject({
      ok: false,
      error: [{ resource: 'service/shop/b', field: expect.stringContaining('path') }, { resource: 'service/shop/c' }],
    })
    expect(policy.lookup(key('a'))).toBe(before)
    expect(policy.endpointsOf(key('d'))).toBeUndefined()
    expect(policy).toMatchObject({ revision: '1', applied: 1, refused: 1 })
    expect(told).toBe(0)
  })

  test('that names one thing twice is refused', () => {
    const { policy } = followed()
    for (const parts of [
      { services: [service('a'), service('a', 81)] },
      { endpoints: [endpoints('a'), endpoints('a')] },
    ])
      expect(policy.apply(update(parts)).ok).toBe(false)
    expect(policy.lookup(key('a')).kind).toBe('unknown')
  })

  test('leaves what it does not name, and what was looked up before keeps what it began with', () => {
    const { policy } = followed()
    policy.apply(update({ services: [service('a'), service('b')] }))
    const [a, b] = [policy.lookup(key('a')), policy.lookup(key('b'))]
    policy.apply(update({ services: [service('b', 81)] }))
    expect(policy.lookup(key('a'))).toBe(a)
    expect(policy.lookup(key('b'))).not.toBe(b)
    expect(b).toMatchObject({ service: { snapshot: { ports: [{ port: 80 }] } } })
  })

  test('takes away what has gone', () => {
    const { policy } = followed()
    policy.apply(update({ services: [service('a')], endpoints: [endpoints('a')] }))
    policy.apply(update({ absent: [key('a')] }))
    expect(policy.lookup(key('a'))).toEqual({ kind: 'absent' })
    expect(policy.endpointsOf(key('a'))).toBeUndefined()
    expect(policy.dump()).toMatchObject({ services: [], endpoints: [] })
  })
})

describe('a service that is not known', () => {
  test('is asked for, and the answer may be there at once', () => {
    const { policy, source } = followed()
    expect(policy.lookup(key('a'))).toEqual({ kind: 'unknown', asked: true })
    expect(source.wanted).toEqual(['shop/a'])
    source.answer = () => update({ services: [service('a')] })
    expect(policy.lookup(key('a')).kind).toBe('known')
    source.answer = name => update({ absent: [name] })
    expect(policy.lookup(key('b')).kind).toBe('absent')
  })

  test('can not be asked for where nobody answers', () => {
    const { policy, source } = followed()
    source.away = true
    expect(policy.lookup(key('a'))).toEqual({ kind: 'unknown', asked: false })
    expect(new CurrentPolicy(() => 0).lookup(key('a'))).toEqual({ kind: 'unknown', asked: false })
  })

  test('is believed to be absent for ten seconds, then asked for again', () => {
    const { policy, source, clock } = followed()
    policy.apply(update({ absent: [key('a')] }))
    clock.nowMs = 9_999
    expect(policy.lookup(key('a')).kind).toBe('absent')
    expect(source.wanted).toEqual([])
    clock.nowMs = 10_000
    expect(policy.lookup(key('a')).kind).toBe('unknown')
    expect(source.wanted).toEqual(['shop/a'])
  })

  test('is no longer absent once it is pushed', () => {
    const { policy } = followed()
    policy.apply(update({ absent: [key('a')] }))
    policy.apply(update({ services: [service('a')] }))
    expect(policy.lookup(key('a')).kind).toBe('known')
  })

  test('[LOAD-6] a thousand absent names are remembered, the latest', () => {
    const { policy, source } = followed()
    for (let i = 0; i < 1_001; i++) policy.apply(update({ absent: [key(`s${i}`)] }))
    for (let i = 0; i < 50; i++) policy.apply(update({ absent: [key('s1000')] }))
    expect(policy.lookup(key('s0')).kind).toBe('unknown')
    expect(policy.lookup(key('s1')).kind).toBe('absent')
    expect(policy.lookup(key('s1000')).kind).toBe('absent')
    expect(source.wanted).toEqual(['shop/s0'])
  })
})

describe('those who wait', () => {
  test('are told once when something is known of their service, and of no other', () => {
    for (const parts of [{ services: [service('a')] }, { absent: [key('a')] }, { endpoints: [endpoints('a')] }]) {
      const { policy } = followed()
      const told: string[] = []
      for (const name of ['one', 'two']) policy.whenKnown(key('a'), () => void told.push(name))
      policy.whenKnown(key('b'), () => void told.push('other'))
      policy.apply(update(parts))
      policy.apply(update(parts))
      expect(told).toEqual(['one', 'two'])
    }
  })

  test('are told after the update is in force, and after the listeners', () => {
    const { policy } = followed()
    const told: string[] = []
    policy.onChange({ changed: () => void told.push('listener') })
    policy.whenKnown(key('a'), () => void told.push(policy.lookup(key('a')).kind))
    policy.apply(update({ services: [service('a')] }))
    expect(told).toEqual(['listener', 'known'])
  })

  test('are told nothing by an update that is refused', () => {
    const { policy } = followed()
    let told = 0
    policy.whenKnown(key('a'), () => void told++)
    policy.apply(update({ services: [service('a'), faulty('b')] }))
    expect(told).toBe(0)
  })

  test('may give up, and wait again from within', () => {
    const { policy } = followed()
    const told: string[] = []
    const giveUp = policy.whenKnown(key('a'), () => void told.push('gave up'))
    policy.whenKnown(key('a'), () => {
      told.push('first')
      policy.whenKnown(key('a'), () => void told.push('second'))
    })
    giveUp?.()
    giveUp?.()
    policy.apply(update({ services: [service('a')] }))
    expect(told).toEqual(['first'])
    policy.apply(update({ services: [service('a', 81)] }))
    expect(told).toEqual(['first', 'second'])
  })

  test('are ten thousand at most; who gives up or is told makes room', () => {
    const { policy } = followed()
    const nothing = () => {}
    const giveUp = policy.whenKnown(key('a'), nothing)
    for (let i = 1; i < 10_000; i++) policy.whenKnown(key(`s${i % 10}`), nothing)
    expect(policy.whenKnown(key('a'), nothing)).toBeUndefined()
    giveUp?.()
    giveUp?.()
    expect(policy.whenKnown(key('a'), nothing)).toBeDefined()
    expect(policy.whenKnown(key('a'), nothing)).toBeUndefined()
    policy.apply(update({ absent: [key('s1')] }))
    expect(policy.whenKnown(key('a'), nothing)).toBeDefined()
  })
})

describe('services that nobody uses', () => {
  const to = (name: string, ...backends: string[]): ServiceSnapshot => ({
    ...service(name),
    routing: {
      kind: 'routes',
      entries: [],
      rules: [
        {
          ...{ route: 'shop/r', name: '#0', filters: [], retry: undefined },
          ...{ requestTimeoutMs: undefined, attemptTimeoutMs: undefined },
          backends: backends.map(backend => ({ kind: 'service', service: key(backend), port: port(80), weight: 1 })),
        },
      ],
    },
  })
  const idle = () => false

  class ForgetfulSource extends FakeSource {
    readonly forgotten: ServiceKey[] = []

    forget(services: readonly ServiceKey[]): void {
      this.forgotten.push(...services)
    }
  }

  function holding(...services: ServiceSnapshot[]) {
    const clock = { nowMs: 0 }
    const policy = new CurrentPolicy(() => clock.nowMs)
    const source = new ForgetfulSource()
    policy.follow(source)
    const names = services.map(one => one.key.slice('shop/'.length))
    policy.apply(update({ services, endpoints: names.map(endpoints) }))
    return { clock, policy, source }
  }

  test('are dropped once no request has looked them up for the bound time, and asked for again when one does', () => {
    const { clock, policy, source } = holding(service('a'), service('b'))
    const changed: ServiceKey[] = []
    policy.onChange({ changed: keys => changed.push(...keys) })
    clock.nowMs = 500
    policy.lookup(key('b'))
    policy.forgetUnused(1, idle)
    expect(source.forgotten).toEqual([key('a')])
    expect(changed).toEqual([key('a')])
    expect(policy.endpointsOf(key('a'))).toBeUndefined()
    expect(policy.size).toBe(1)
    expect(policy.lookup(key('a'))).toEqual({ kind: 'unknown', asked: true })
    expect(source.wanted).toEqual([key('a')])
  })

  test('go with the backends that came along, but for those that another service in use sends to', () => {
    const { clock, policy, source } = holding(to('a', 'c', 'd'), to('b', 'd'), service('c'), service('d'))
    clock.nowMs = 500
    policy.lookup(key('b'))
    policy.forgetUnused(1, idle)
    expect(source.forgotten).toEqual([key('a'), key('c')])
  })

  test('stay as long as something is under way to them or to a backend of theirs', () => {
    const { clock, policy, source } = holding(to('a', 'b'), service('b'), service('c'), service('d'))
    clock.nowMs = 500
    policy.forgetUnused(1, one => one === key('b') || one === key('c'))
    expect(source.forgotten).toEqual([key('d')])
  })

  test('are dropped even when they are updated meanwhile, which is no use of them', () => {
    const { clock, policy, source } = holding(service('a'))
    clock.nowMs = 500
    policy.apply(update({ services: [service('a', 81)] }))
    expect(policy.serviceOf(key('a'))?.snapshot.ports[0]?.port).toBe(81)
    policy.forgetUnused(1, idle)
    expect(source.forgotten).toEqual([key('a')])
  })

  test('are kept for ever where the source could not bring them back', () => {
    const clock = { nowMs: 0 }
    const policy = new CurrentPolicy(() => clock.nowMs)
    policy.follow(new FakeSource())
    policy.apply(update({ services: [service('a')] }))
    clock.nowMs = 500
    policy.forgetUnused(500, idle)
    expect(policy.size).toBe(1)
  })
})
