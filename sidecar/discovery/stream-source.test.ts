import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { err, ok, serviceKey, systemClock, workloadKey } from '../../common/mod.ts'
import type { SelfSnapshot, SnapshotProblem, SnapshotUpdate } from '../../model/snapshot/mod.ts'
import type { LinkEvents } from './link.ts'
import type { Incoming, Outgoing } from './messages.ts'
import { createStreamSource } from './stream-source.ts'

const a = serviceKey('ns', 'a')
const b = serviceKey('ns', 'b')

/** A link whose far end is the test. */
class FakeLink {
  readonly sent: Outgoing[] = []
  closed = false
  readonly events: LinkEvents

  constructor(events: LinkEvents) {
    this.events = events
  }
  send(message: Outgoing): void {
    this.sent.push(message)
  }
  async close(): Promise<void> {
    this.closed = true
  }
  /** What was said since it was asked last. */
  heard(): Outgoing[] {
    return this.sent.splice(0)
  }
  welcome(): void {
    this.events.connected()
    this.events.message({ kind: 'welcome', controlPlane: 'fake', addresses: true })
  }
}

function absent(nonce: string, ...services: (typeof a)[]): Incoming {
  const update = { revision: '7', self: undefined, services: [], endpoints: [], absent: services }
  return { kind: 'update', nonce, revision: '7', content: ok({ update, versions: new Map(), changes: [] }) }
}

function selfOnly(nonce: string, version: string): Incoming {
  const update = { revision: '7', self: {} as SelfSnapshot, services: [], endpoints: [], absent: [] }
  return {
    kind: 'update',
    nonce,
    revision: '7',
    content: ok({ update, versions: new Map([['self', version]]), changes: [] }),
  }
}

describe('the discovery stream', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => vi.useRealTimers())

  function source() {
    const links: FakeLink[] = []
    const renewals = new Set<() => void>()
    const applied: SnapshotUpdate[] = []
    const sink = {
      problem: undefined as SnapshotProblem | undefined,
      settling: undefined as Promise<void> | undefined,
    }
    const stream = createStreamSource({
      open: events => {
        const link = new FakeLink(events)
        links.push(link)
        return link
      },
      identity: {
        onChange(listener) {
          const tell = () => listener({} as never)
          renewals.add(tell)
          return () => renewals.delete(tell)
        },
      },
      workload: workloadKey('ns', 'w'),
      registration: {
        ...{ address: '127.0.0.1', inboundPort: 15_006, ports: [], labels: {}, serviceAccount: 'w', zone: '' },
        ready: false,
      },
      ...{ programVersion: '1', clock: systemClock, random: () => 1, log: () => {} },
    })
    stream.start({
      apply(update) {
        if (sink.problem !== undefined) return err([sink.problem])
        applied.push(update)
        return ok(undefined)
      },
      settling: () => sink.settling,
    })
    const link = () => {
      const last = links.at(-1)
      if (last === undefined) throw new Error('no link was opened')
      return last
    }
    const renew = () => {
      for (const tell of renewals) tell()
    }
    return { stream, links, link, renew, applied, sink, renewals }
  }

  it('begins with Hello once the connection stands', () => {
    const { stream, link } = source()
    expect(link().heard()).toEqual([])
    expect(stream.connected()).toBe(false)
    link().events.connected()
    expect(link().heard()).toMatchObject([{ kind: 'hello', workload: 'ns/w', subscriptions: [], held: new Map() }])
    expect(stream.connected()).toBe(true)
  })

  it('acknowledges an update when it is in force everywhere, and says nothing before that', async () => {
    const { stream, link, sink } = source()
    link().welcome()
    link().heard()
    const everywhere = Promise.withResolvers<void>()
    sink.settling = everywhere.promise
    link().events.message(selfOnly('n1', 'v1'))
    stream.setReady(true)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(link().heard()).toEqual([])
    sink.settling = undefined
    everywhere.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(link().heard()).toMatchObject([
      { kind: 'ack', nonce: 'n1' },
      { kind: 'readiness', ready: true },
    ])
    stream.setReady(false)
    expect(link().heard()).toMatchObject([{ kind: 'readiness', ready: false }])
  })

  it('tells a new stream what is held when that is so everywhere; the old stream hears no more', async () => {
    const { links, link, sink } = source()
    link().welcome()
    link().heard()
    const everywhere = Promise.withResolvers<void>()
    sink.settling = everywhere.promise
    link().events.message(selfOnly('n1', 'v1'))
    link().events.ended('cut off')
    await vi.advanceTimersByTimeAsync(5_000)
    link().events.connected()
    await vi.advanceTimersByTimeAsync(0)
    expect(link().heard()).toEqual([])
    sink.settling = undefined
    everywhere.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(links[0]?.heard()).toEqual([])
    expect(link().heard()).toMatchObject([{ kind: 'hello', held: new Map([['self', 'v1']]) }])
  })

  it('applies an update and acknowledges it', () => {
    const { stream, link, applied } = source()
    link().welcome()
    link().heard()
    link().events.message(selfOnly('1', 'v1'))
    expect(applied.length).toBe(1)
    expect(link().heard()).toEqual([{ kind: 'ack', nonce: '1' }])
    expect(stream.status()).toMatchObject({ state: 'open', revision: '7', updatesApplied: 1, controlPlane: 'fake' })
  })

  it('refuses what its policy refuses, with the reasons, and does not hold it', () => {
    const { stream, link, sink } = source()
    link().welcome()
    link().heard()
    const problem = { resource: 'self', field: 'x', message: 'no' }
    sink.problem = problem
    link().events.message(selfOnly('1', 'v1'))
    expect(link().heard()).toEqual([{ kind: 'nack', nonce: '1', problems: [problem], lost: [] }])
    expect(stream.status()).toMatchObject({ updatesRefused: 1, lastRefusal: { revision: '7', problems: [problem] } })
    link().events.ended('cut')
    vi.advanceTimersByTime(1_000)
    link().events.connected()
    expect(link().heard()).toMatchObject([{ held: new Map() }])
  })

  it('refuses what it cannot read without troubling its policy', () => {
    const { link, applied } = source()
    link().welcome()
    link().heard()
    const problem = { resource: 'service/ns/a', field: 'key', message: 'no' }
    link().events.message({ kind: 'update', nonce: '1', revision: '7', content: err([problem]) })
    expect(link().heard()).toEqual([{ kind: 'nack', nonce: '1', problems: [problem], lost: [] }])
    expect(applied).toEqual([])
  })

  it('asks for all services of one turn in one message, and for each once', () => {
    const { stream, link } = source()
    link().welcome()
    link().heard()
    for (const service of [a, b, a]) stream.want(service)
    expect(link().heard()).toEqual([])
    vi.advanceTimersByTime(1)
    expect(link().heard()).toEqual([{ kind: 'subscribe', add: [a, b], remove: [] }])
    stream.want(a)
    vi.advanceTimersByTime(1)
    expect(link().heard()).toEqual([])
  })

  it('answers for what is known to be absent without asking', () => {
    const { stream, link, applied } = source()
    link().welcome()
    stream.want(a)
    vi.advanceTimersByTime(1)
    link().events.message(absent('1', a))
    link().heard()
    stream.want(a)
    vi.advanceTimersByTime(1)
    expect(link().heard()).toEqual([])
    expect(applied.map(update => update.absent)).toEqual([[a], [a]])
  })

  it('[DISC-6] resumes with its subscriptions and with what it holds', () => {
    const { stream, link } = source()
    link().welcome()
    stream.want(a)
    link().events.message(selfOnly('1', 'v1'))
    link().events.ended('cut')
    stream.want(b)
    vi.advanceTimersByTime(1_000)
    link().events.connected()
    expect(link().heard()).toMatchObject([{ kind: 'hello', subscriptions: [a, b], held: new Map([['self', 'v1']]) }])
  })

  it('pauses longer after each failure, at most a second, and starts anew after a stable stream', () => {
    const { links, link } = source()
    const pauses: number[] = []
    const fail = () => {
      const [before, count] = [performance.now(), links.length]
      link().events.ended('refused')
      while (links.length === count) vi.advanceTimersToNextTimer()
      pauses.push(Math.round(performance.now() - before))
    }
    for (let i = 0; i < 6; i++) fail()
    link().welcome()
    vi.advanceTimersByTime(5_000)
    fail()
    expect(pauses).toEqual([100, 200, 400, 800, 1_000, 1_000, 100])
  })

  it('tells readiness when it changes, and the newest with the next Hello', () => {
    const { stream, link } = source()
    link().welcome()
    link().heard()
    stream.setReady(true)
    stream.setReady(true)
    expect(link().heard()).toEqual([{ kind: 'readiness', ready: true }])
    link().events.ended('cut')
    stream.setReady(false)
    stream.setReady(true)
    vi.advanceTimersByTime(1_000)
    link().events.connected()
    expect(link().heard()).toMatchObject([{ registration: { ready: true } }])
  })

  describe('when the certificate is renewed', () => {
    it('opens the new stream, then ends the old one', () => {
      const { stream, links, link, renew } = source()
      link().welcome()
      renew()
      const [old, fresh] = links
      expect(stream.connected()).toBe(true)
      expect(old?.closed).toBe(false)
      fresh?.events.connected()
      expect(old?.closed).toBe(true)
      expect(fresh?.heard()).toMatchObject([{ kind: 'hello' }])
      fresh?.events.message({ kind: 'welcome', controlPlane: 'fake', addresses: true })
      expect(stream.status().state).toBe('open')
    })

    it('goes on with the old stream until the new one stands', () => {
      const { stream, links, link, renew, applied } = source()
      link().welcome()
      renew()
      links[0]?.heard()
      links[0]?.events.message(selfOnly('1', 'v1'))
      stream.want(a)
      vi.advanceTimersByTime(1)
      expect(applied.length).toBe(1)
      expect(links[0]?.heard()).toMatchObject([{ kind: 'ack' }, { kind: 'subscribe' }])
    })

    it('does not listen to the old stream once Hello went out on the new one', () => {
      const { links, link, renew, applied } = source()
      link().welcome()
      renew()
      links[1]?.events.connected()
      links[0]?.events.message(selfOnly('9', 'old'))
      links[0]?.events.ended('replaced')
      expect(applied).toEqual([])
      expect(links.length).toBe(2)
    })

    it('keeps the old stream when the new one fails, and tries again', () => {
      const { stream, links, link, renew } = source()
      link().welcome()
      renew()
      links[1]?.events.ended('refused')
      expect(stream.status().state).toBe('open')
      expect(links[0]?.closed).toBe(false)
      vi.advanceTimersByTime(100)
      expect(links.length).toBe(3)
      expect(stream.status().state).toBe('renewing')
    })

    it('waits for the new stream when the old one ends first', () => {
      const { stream, links, link, renew } = source()
      link().welcome()
      renew()
      links[0]?.events.ended('cut')
      expect(stream.status().state).toBe('connecting')
      links[1]?.welcome()
      expect(stream.status().state).toBe('open')
      expect(links.length).toBe(2)
    })

    it('begins a connection that was under way again', () => {
      const { links, renew } = source()
      renew()
      expect(links.length).toBe(2)
      expect(links[0]?.closed).toBe(true)
    })
  })

  it('gives up what nobody uses, and asks again for what is wanted again', () => {
    const { stream, link } = source()
    link().welcome()
    stream.want(a)
    vi.advanceTimersByTime(1)
    link().heard()
    stream.forget?.([a], 0)
    vi.advanceTimersByTime(1)
    expect(link().heard()).toEqual([{ kind: 'subscribe', add: [], remove: [a] }])
    stream.want(a)
    vi.advanceTimersByTime(1)
    expect(link().heard()).toEqual([{ kind: 'subscribe', add: [a], remove: [] }])
    stream.forget?.([a], 0)
    stream.want(a)
    vi.advanceTimersByTime(1)
    expect(link().heard()).toEqual([{ kind: 'subscribe', add: [a], remove: [a] }])
  })

  it('says what it lost, and counts no refusal', () => {
    const { stream, link } = source()
    link().welcome()
    link().heard()
    const changes = [{ service: a, base: 'v1', put: [], removed: [] }]
    const update = { revision: '7', self: undefined, services: [], endpoints: [], absent: [] }
    const content = ok({ update, versions: new Map(), changes })
    link().events.message({ kind: 'update', nonce: '1', revision: '7', content })
    expect(link().heard()).toMatchObject([{ kind: 'nack', nonce: '1', lost: ['endpoints/ns/a'] }])
    expect(stream.status()).toMatchObject({ updatesRefused: 0, updatesApplied: 0 })
  })

  it('says goodbye when it is closed, and not where a stream only gives way to the next', async () => {
    const { stream, links, link, renewals } = source()
    link().welcome()
    for (const renew of renewals) renew()
    link().welcome()
    await stream.close()
    expect(links.length).toBe(2)
    expect(links.map(each => each.heard().some(({ kind }) => kind === 'goodbye'))).toEqual([false, true])
  })

  it('opens nothing after it was closed', async () => {
    const { stream, links, link, renewals } = source()
    link().events.ended('cut')
    await stream.close()
    stream.want(a)
    vi.advanceTimersByTime(10_000)
    expect(links.length).toBe(1)
    expect(renewals.size).toBe(0)
    expect(stream.connected()).toBe(false)
  })
})
