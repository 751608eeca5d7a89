import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type SpiffeId, systemClock, workloadKey } from '../../common/mod.ts'
import type { WaitAnswer } from '../api/mod.ts'
import { createFleet, type Fleet, type FleetStream } from './mod.ts'

const problems = [{ resource: 'service/bookshop/reviews', field: 'rules[0]', message: 'no' }]

describe('the fleet', () => {
  let fleet: Fleet
  let newest = 5

  beforeEach(() => {
    vi.useFakeTimers()
    newest = 5
    fleet = createFleet({ clock: systemClock, revision: () => newest })
  })
  afterEach(() => vi.useRealTimers())

  function connect(name: string): FleetStream {
    const facts = {
      workload: workloadKey('bookshop', name),
      spiffeId: `spiffe://mesh.test/ns/bookshop/sa/${name}` as SpiffeId,
      programVersion: '0.1.0',
      certificateNotAfterMs: 99,
    }
    const stream = fleet.connect(facts, () => ['bookshop/reviews'])
    if (!stream.ok) throw new Error(stream.error)
    return stream.value
  }
  /** Connected, and nothing differs at revision 5. */
  function current(name: string): FleetStream {
    const stream = connect(name)
    stream.unchanged(5)
    return stream
  }
  function wait(revision: number, timeoutMs = 10_000) {
    const abort = new AbortController()
    const seen: { answer: WaitAnswer | undefined } = { answer: undefined }
    void fleet.wait(revision, timeoutMs, abort.signal).then(answer => {
      seen.answer = answer
    })
    return { seen, abort }
  }
  async function answered(waiting: ReturnType<typeof wait>): Promise<WaitAnswer | undefined> {
    await vi.advanceTimersByTimeAsync(0)
    return waiting.seen.answer
  }

  describe('a wait for a revision', () => {
    it('ends at once when nobody is connected', async () => {
      expect(await answered(wait(6))).toEqual({ live: 0, of: 0, elapsedMs: 0, pending: [], nacks: [] })
    })

    it('does not end before every sidecar has been looked at', async () => {
      const [a, b] = [current('a'), current('b')]
      const waiting = wait(6)
      a.unchanged(6)
      expect(await answered(waiting)).toBeUndefined()
      b.unchanged(6)
      expect(await answered(waiting)).toMatchObject({ live: 0, of: 0 })
    })

    it('ends when those concerned have acknowledged, and counts only them', async () => {
      const [a, b] = [current('a'), current('b')]
      const waiting = wait(6)
      a.sent(6)
      b.unchanged(6)
      await vi.advanceTimersByTimeAsync(30)
      expect(waiting.seen.answer).toBeUndefined()
      a.acknowledged(true)
      expect(await answered(waiting)).toEqual({ live: 1, of: 1, elapsedMs: 30, pending: [], nacks: [] })
    })

    it('takes the acknowledgement of a later revision that carries it', async () => {
      const a = current('a')
      const waiting = wait(6)
      a.sent(8)
      a.acknowledged(true)
      expect(await answered(waiting)).toMatchObject({ live: 1, of: 1 })
    })

    it('is told the truth when it comes after the fact', async () => {
      const [a, b, c] = [current('a'), current('b'), current('c')]
      for (const stream of [a, c]) stream.sent(6)
      a.acknowledged(true)
      b.unchanged(6)
      c.refused(problems)
      for (const stream of [a, b, c]) stream.unchanged(9)
      const nacks = [{ workload: 'bookshop/c', problems }]
      expect(await answered(wait(6))).toMatchObject({ live: 1, of: 2, nacks })
      expect(await answered(wait(7))).toMatchObject({ live: 0, of: 0, nacks: [] })
    })

    it('names who is pending when its time is over', async () => {
      current('b').sent(6)
      current('a')
      const waiting = wait(6, 500)
      await vi.advanceTimersByTimeAsync(500)
      expect(waiting.seen.answer).toEqual({
        ...{ live: 0, of: 2, elapsedMs: 500, nacks: [] },
        pending: ['bookshop/a', 'bookshop/b'],
      })
    })

    it('ends early when nobody listens any more', async () => {
      current('a')
      const waiting = wait(6)
      waiting.abort.abort()
      expect(await answered(waiting)).toMatchObject({ pending: ['bookshop/a'] })
    })

    it('ends with the reasons when a sidecar refuses', async () => {
      const a = current('a')
      const waiting = wait(6)
      a.sent(6)
      a.refused(problems)
      expect(await answered(waiting)).toMatchObject({ live: 0, of: 1, nacks: [{ workload: 'bookshop/a', problems }] })
    })

    it('counts a sidecar that connects meanwhile', async () => {
      current('a').unchanged(6)
      const b = connect('b')
      const waiting = wait(6)
      b.sent(6)
      expect(await answered(waiting)).toBeUndefined()
      b.acknowledged(true)
      expect(await answered(waiting)).toMatchObject({ live: 1, of: 1 })
    })

    it('goes on counting a sidecar whose stream ends, until it is back or its grace is over', async () => {
      const [a, b] = [current('a'), current('b')]
      const waiting = wait(6)
      for (const stream of [a, b]) {
        stream.sent(6)
        stream.disconnect()
      }
      await vi.advanceTimersByTimeAsync(1_000)
      expect(waiting.seen.answer).toBeUndefined()
      const again = connect('a')
      again.sent(6)
      again.acknowledged(true)
      await vi.advanceTimersByTimeAsync(999)
      expect(waiting.seen.answer).toBeUndefined()
      await vi.advanceTimersByTimeAsync(1)
      expect(waiting.seen.answer).toMatchObject({ live: 1, of: 1, pending: [], elapsedMs: 2_000 })
    })

    it('counts those that the control plane before knew, until they are back or their grace is over', async () => {
      const expected = { workloads: ['a', 'b'].map(name => workloadKey('bookshop', name)), graceMs: 5_000 }
      fleet = createFleet({ clock: systemClock, revision: () => newest, expected })
      const waiting = wait(6)
      expect(await answered(wait(6, 0))).toMatchObject({ live: 0, of: 2, pending: ['bookshop/a', 'bookshop/b'] })
      const a = connect('a')
      a.sent(6)
      a.acknowledged(true)
      await vi.advanceTimersByTimeAsync(4_999)
      expect(waiting.seen.answer).toBeUndefined()
      await vi.advanceTimersByTimeAsync(1)
      expect(await answered(waiting)).toMatchObject({ live: 1, of: 1, elapsedMs: 5_000, pending: [] })
      expect(await answered(wait(6))).toMatchObject({ live: 1, of: 1 })
    })

    it('does not count a sidecar that has been gone for long', async () => {
      current('a').disconnect()
      await vi.advanceTimersByTimeAsync(2_000)
      expect(await answered(wait(6))).toMatchObject({ of: 0 })
    })
  })

  describe('what it tells of a sidecar', () => {
    const told = () => fleet.fleet().sidecars[0]

    it('is what is acknowledged and what is on its way', () => {
      const a = current('a')
      a.sent(6)
      expect(told()).toMatchObject({ connected: true, ackedRevision: 5, pendingRevision: 6, lastNack: null })
      a.acknowledged(true)
      expect(told()).toMatchObject({ ackedRevision: 6, pendingRevision: null, subscriptions: ['bookshop/reviews'] })
    })

    it('holds the acknowledged revision back while something refused is missing', () => {
      const a = current('a')
      a.sent(6)
      a.refused(problems)
      a.sent(6)
      a.acknowledged(false)
      a.unchanged(8)
      expect(told()).toMatchObject({ ackedRevision: 5, lastNack: { revision: 6, problems } })
      a.sent(9)
      a.acknowledged(true)
      expect(told()).toMatchObject({ ackedRevision: 9, lastNack: { revision: 6 } })
    })

    it('remembers one that is gone, and since when', async () => {
      const a = current('a')
      await vi.advanceTimersByTimeAsync(100)
      a.disconnect()
      expect(told()).toMatchObject({ connected: false, since: Date.now(), ackedRevision: 5 })
      expect(fleet.connected()).toBe(0)
    })

    it('is nothing once it has ended with a goodbye, until it is back', () => {
      const a = current('a')
      a.leaves()
      expect(told()).toMatchObject({ connected: true })
      a.disconnect()
      expect(told()).toBeUndefined()
      const again = current('a')
      a.leaves()
      expect(told()).toMatchObject({ connected: true })
      again.disconnect()
      expect(told()).toMatchObject({ connected: false })
    })

    it('is the word of the newest stream alone', () => {
      const older = current('a')
      const newer = current('a')
      older.sent(7)
      older.disconnect()
      expect(told()).toMatchObject({ connected: true, pendingRevision: null })
      newer.disconnect()
      expect(told()).toMatchObject({ connected: false })
    })
  })

  it('forgets the longest gone of a thousand and more', () => {
    for (let i = 0; i < 1_010; i++) current(`w${i}`).disconnect()
    const { sidecars } = fleet.fleet()
    expect(sidecars.length).toBe(1_000)
    expect(sidecars.some(sidecar => sidecar.workload === 'bookshop/w9')).toBe(false)
  })
})
