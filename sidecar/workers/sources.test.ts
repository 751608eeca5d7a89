import { describe, expect, test } from 'vitest'
import { err, ok, type Result, type ServiceKey, serviceKey } from '../../common/mod.ts'
import type { ServiceSnapshot, SnapshotProblem, SnapshotUpdate } from '../../model/snapshot/mod.ts'
import type { PolicySink, PolicySource } from '../policy/source.ts'
import { AskedSource, newBreakerCells, relayedSource } from './mod.ts'

const reviews = serviceKey('shop', 'reviews')
const ratings = serviceKey('shop', 'ratings')

function service(key: ServiceKey): ServiceSnapshot {
  return {
    key,
    ports: [],
    routing: { kind: 'none-attached' },
    traffic: {
      policy: undefined,
      breaker: { connectionsMax: 10, pendingMax: 10, requestsMax: 10 },
      outlier: { consecutiveErrors: 5, baseEjectionMs: 30_000, ejectedPercentMax: 50, healthyPercentMin: 50 },
      retryBudget: { percent: 20, minPerSecond: 10, windowMs: 10_000 },
      connectTimeoutMs: 1_000,
      keepsNameCase: false,
      upgrades: undefined,
    },
  }
}

function update(revision: string, services: ServiceSnapshot[] = [], absent: ServiceKey[] = []): SnapshotUpdate {
  return { revision, self: undefined, services, endpoints: [], absent }
}

/** Takes everything but revision `bad`. */
class Sink implements PolicySink {
  readonly taken: SnapshotUpdate[] = []

  apply(given: SnapshotUpdate): Result<void, readonly SnapshotProblem[]> {
    if (given.revision === 'bad') return err([{ resource: 'self', field: '', message: 'bad' }])
    this.taken.push(given)
    return ok(undefined)
  }
}

class Source implements PolicySource {
  sink: PolicySink | undefined
  readonly wanted: ServiceKey[] = []
  readonly forgotten: ServiceKey[] = []

  start(sink: PolicySink): void {
    this.sink = sink
  }
  want(key: ServiceKey): void {
    this.wanted.push(key)
  }
  forget(keys: readonly ServiceKey[]): void {
    this.forgotten.push(...keys)
  }
  connected(): boolean {
    return true
  }
  async close(): Promise<void> {
    this.sink = undefined
  }
}

describe('a source whose updates are relayed', () => {
  function relaying() {
    const source = new Source()
    const sink = new Sink()
    const relayed: { readonly revision: string; done(): void }[] = []
    const outer = relayedSource(
      source,
      ({ revision }) => new Promise(resolve => relayed.push({ revision, done: () => resolve() })),
    )
    outer.start(sink)
    return { source, sink, relayed, outer }
  }

  test('hands on what was found good, after it holds here', () => {
    const { source, sink, relayed } = relaying()
    expect(source.sink?.apply(update('1')).ok).toBe(true)
    expect(sink.taken.map(({ revision }) => revision)).toEqual(['1'])
    expect(relayed.map(({ revision }) => revision)).toEqual(['1'])
  })

  test('hands on nothing that was refused, and is settled', () => {
    const { source, relayed } = relaying()
    expect(source.sink?.apply(update('bad')).ok).toBe(false)
    expect(relayed).toEqual([])
    expect(source.sink?.settling?.()).toBeUndefined()
  })

  test('is settled when the last of what was applied is in force everywhere', async () => {
    const { source, relayed } = relaying()
    source.sink?.apply(update('1'))
    source.sink?.apply(update('2'))
    let settled = false
    void source.sink?.settling?.()?.then(() => {
      settled = true
    })
    relayed[1]?.done()
    await turns()
    expect(settled).toBe(false)
    relayed[0]?.done()
    await turns()
    expect(settled).toBe(true)
    expect(source.sink?.settling?.()).toBeUndefined()
  })

  test('hands on what is wanted and what is forgotten to the source; one that forgets nothing still does not', () => {
    const { source, outer } = relaying()
    outer.want(reviews)
    outer.forget?.([ratings], 0)
    expect([source.wanted, source.forgotten]).toEqual([[reviews], [ratings]])
    const { start, want, connected, close } = new Source()
    expect(relayedSource({ start, want, connected, close }, async () => undefined).forget).toBeUndefined()
  })
})

describe('a source that asks the main thread', () => {
  function asking() {
    const state = { nowMs: 0, connected: true }
    const asked: (readonly ServiceKey[])[] = []
    const addresses: string[] = []
    const sink = new Sink()
    const source = new AskedSource({
      place: { worker: 0, workers: 2 },
      want: services => void asked.push(services),
      askAddress: address => void addresses.push(address),
      connected: () => state.connected,
      nowMs: () => state.nowMs,
    })
    source.start(sink)
    return { state, asked, addresses, sink, source }
  }

  test('asks whose an address is, and hands the answer to whoever waits, once', () => {
    const { state, addresses, source } = asking()
    const found: unknown[] = []
    expect(source.findOwner('10.0.0.1', owner => found.push(owner))).toBe(true)
    source.foundOwner('10.0.0.2', { kind: 'nobody' })
    source.foundOwner('10.0.0.1', { kind: 'service', service: reviews })
    source.foundOwner('10.0.0.1', { kind: 'nobody' })
    expect([addresses, found]).toEqual([['10.0.0.1'], [{ kind: 'service', service: reviews }]])
    state.connected = false
    expect(source.findOwner('10.0.0.1', owner => found.push(owner))).toBe(false)
  })

  test('asks once for each name, and together for those of one turn', async () => {
    const { asked, source } = asking()
    for (const key of [reviews, ratings, reviews]) source.want(key)
    await turns()
    source.want(reviews)
    await turns()
    expect(asked).toEqual([[reviews, ratings]])
  })

  test('asks again when it was answered, or when no answer came for a second', async () => {
    const { state, asked, source } = asking()
    source.want(reviews)
    await turns()
    state.nowMs = 999
    source.want(reviews)
    await turns()
    expect(asked).toHaveLength(1)
    state.nowMs = 1_000
    source.want(reviews)
    await turns()
    expect(asked).toHaveLength(2)
    source.apply({ update: update('1', [], [reviews]), cells: new Map() })
    source.want(reviews)
    await turns()
    expect(asked).toHaveLength(3)
  })

  test('puts updates in force with its share of the limits, and keeps the cells of what is held', () => {
    const { sink, source } = asking()
    const cells = new Map([[reviews, newBreakerCells(2)]])
    expect(source.apply({ update: update('1', [service(reviews)]), cells }).ok).toBe(true)
    expect(sink.taken[0]?.services[0]?.traffic.breaker).toMatchObject({ connectionsMax: 5, requestsMax: 10 })
    expect([...source.cells.keys()]).toEqual([reviews])
    source.apply({ update: update('2', [], [reviews]), cells: new Map() })
    expect(source.cells.size).toBe(0)
    source.apply({ update: update('3', [service(reviews)]), cells })
    source.forget([reviews])
    expect(source.cells.size).toBe(0)
  })

  test('is connected as the main thread is', () => {
    const { state, source } = asking()
    expect(source.connected()).toBe(true)
    state.connected = false
    expect(source.connected()).toBe(false)
  })
})

/** Lets whatever was put off run. */
function turns(): Promise<void> {
  return new Promise(resolve => setImmediate(() => setImmediate(resolve)))
}
