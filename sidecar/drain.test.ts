import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Drain, type DrainParts } from './drain.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const LIMIT_MS = 30_000

/** A sidecar of which everything can be set. */
function sidecar() {
  const state = {
    inbound: 0,
    outbound: 0,
    tunnels: 0,
    connections: 0,
    application: 'silent' as ReturnType<DrainParts['application']>,
    told: [] as string[],
  }
  const drain = new Drain({
    nowMs: () => performance.now(),
    pause: ms => new Promise(resolve => setTimeout(resolve, ms)),
    underWay: async () => ({
      ...{ inbound: state.inbound, outbound: state.outbound, tunnels: state.tunnels },
      applications: state.connections,
    }),
    leave: () => void state.told.push('leave'),
    refuse: () => void state.told.push('refuse'),
    application: () => state.application,
    endTunnels: () => {
      state.told.push('end tunnels')
      state.tunnels = 0
    },
    log: (_fields, message) => void state.told.push(message),
  })
  return { state, drain }
}

/** Runs the drain, and gives how long it took when it has ended. */
function run(drain: Drain, limitMs = LIMIT_MS, stays = false) {
  const ended: { afterMs: number | undefined } = { afterMs: undefined }
  const startMs = performance.now()
  void drain.run(limitMs, stays).then(() => {
    ended.afterMs = performance.now() - startMs
  })
  return ended
}

describe('a drain', () => {
  test('says at once that it leaves, refuses once that is known, and ends when the application has gone', async () => {
    const { state, drain } = sidecar()
    const ended = run(drain)
    expect(state.told).toEqual(['leave', 'Draining: no new work is taken'])
    expect(drain.phase).toBe('withdrawing')
    await vi.advanceTimersByTimeAsync(199)
    expect(state.told).not.toContain('refuse')
    expect((await drain.look()).done).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(state.told).toContain('refuse')
    expect((await drain.look()).done).toBe(true)
    await vi.advanceTimersByTimeAsync(299)
    expect(ended.afterMs).toBeUndefined()
    await vi.advanceTimersByTimeAsync(50)
    expect(ended.afterMs).toBeLessThanOrEqual(540)
    expect(drain.phase).toBe('over')
    expect(state.told).not.toContain('end tunnels')
  })

  test.each(['inbound', 'tunnels'] as const)('waits for %s exchanges, and tells how many are left', async kind => {
    const { state, drain } = sidecar()
    state[kind] = 3
    const ended = run(drain)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(drain.phase).toBe('finishing')
    expect((await drain.look()).done).toBe(false)
    expect((await drain.look())[kind === 'inbound' ? 'exchanges' : 'tunnels']).toBe(3)
    state[kind] = 0
    await vi.advanceTimersByTimeAsync(20)
    expect((await drain.look()).done).toBe(true)
    await vi.advanceTimersByTimeAsync(500)
    expect(ended.afterMs).toBeDefined()
    expect(state.told).not.toContain('Cannot wait any longer: what is under way is ended')
  })

  test('ends at its limit, whatever is under way: tunnels in order, and it says so', async () => {
    const { state, drain } = sidecar()
    state.inbound = 1
    state.tunnels = 2
    const ended = run(drain, 5_000)
    await vi.advanceTimersByTimeAsync(4_999)
    expect(ended.afterMs).toBeUndefined()
    expect(state.told).not.toContain('end tunnels')
    await vi.advanceTimersByTimeAsync(200)
    expect(ended.afterMs).toBeLessThanOrEqual(5_140)
    expect(state.told.slice(-2)).toEqual(['Cannot wait any longer: what is under way is ended', 'end tunnels'])
  })

  test('stays for the application’s own requests as long as its port answers, or it has connections', async () => {
    const { state, drain } = sidecar()
    state.application = 'answers'
    const ended = run(drain)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(drain.phase).toBe('alone')
    expect((await drain.look()).done).toBe(true)
    // It listens no more, but has something to say.
    state.application = 'silent'
    state.connections = 1
    await vi.advanceTimersByTimeAsync(5_000)
    expect(ended.afterMs).toBeUndefined()
    state.connections = 0
    await vi.advanceTimersByTimeAsync(400)
    expect(ended.afterMs).toBeGreaterThan(10_000)
  })

  test('takes an application that listens nowhere for gone when it has had no connection for a second', async () => {
    const { state, drain } = sidecar()
    state.application = 'listens-nowhere'
    const ended = run(drain)
    await vi.advanceTimersByTimeAsync(1_000)
    state.connections = 1
    await vi.advanceTimersByTimeAsync(100)
    state.connections = 0
    await vi.advanceTimersByTimeAsync(900)
    expect(ended.afterMs).toBeUndefined()
    await vi.advanceTimersByTimeAsync(150)
    expect(ended.afterMs).toBeDefined()
  })

  test('of a sidecar that leaves alone waits for what the application has under way, and not for its end', async () => {
    const { state, drain } = sidecar()
    state.application = 'answers'
    state.connections = 4
    state.outbound = 1
    const ended = run(drain, LIMIT_MS, true)
    await vi.advanceTimersByTimeAsync(3_000)
    expect(ended.afterMs).toBeUndefined()
    state.outbound = 0
    await vi.advanceTimersByTimeAsync(40)
    expect(ended.afterMs).toBeLessThanOrEqual(3_040)
  })

  test('that has begun goes on when it is to be the end', async () => {
    const { state, drain } = sidecar()
    drain.begin()
    drain.begin()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(drain.phase).toBe('finishing')
    expect(state.told).toEqual(['leave', 'Draining: no new work is taken', 'refuse'])
    const ended = run(drain)
    await vi.advanceTimersByTimeAsync(400)
    expect(ended.afterMs).toBeLessThanOrEqual(340)
  })

  test('with no time at all does everything at once', async () => {
    const { state, drain } = sidecar()
    state.inbound = 1
    state.application = 'answers'
    const ended = run(drain, 0)
    await vi.advanceTimersByTimeAsync(0)
    expect(ended.afterMs).toBe(0)
    expect(state.told).toContain('refuse')
  })
})
