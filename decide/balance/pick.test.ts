import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../common/mod.ts'
import { type EndpointLoad, loadEnded, loadFailed, loadStarted, newLoad, pickEndpoint } from './mod.ts'

interface Candidate {
  readonly id: number
  readonly load: EndpointLoad
  usable: boolean
}

function candidates(count: number): Candidate[] {
  return Array.from({ length: count }, (_, id) => ({ id, load: newLoad(0), usable: true }))
}

const isUsable = (candidate: Candidate): boolean => candidate.usable

/** How often each of `all` is picked when nothing is ever learnt of any. */
function sharesOf(all: readonly Candidate[], picks: number): number[] {
  const random = seededRandom(7)
  const counts = all.map(() => 0)
  for (let i = 0; i < picks; i++) {
    const picked = pickEndpoint(all, isUsable, 0, random)
    if (picked !== undefined) counts[picked.id]! += 1
  }
  return counts.map(count => count / picks)
}

describe('picking', () => {
  test('nobody is picked when there is nobody, or nobody usable', () => {
    const all = candidates(3)
    for (const each of all) each.usable = false
    expect(pickEndpoint([], isUsable, 0, Math.random)).toBeUndefined()
    expect(pickEndpoint(all, isUsable, 0, Math.random)).toBeUndefined()
  })

  test('the only usable one is picked, wherever it stands', () => {
    for (let place = 0; place < 20; place++) {
      const all = candidates(20)
      for (const each of all) each.usable = each.id === place
      expect(pickEndpoint(all, isUsable, 0, seededRandom(place))?.id).toBe(place)
    }
  })

  test('of two the cheaper is picked always', () => {
    const all = candidates(2)
    loadStarted(all[0]!.load)
    loadEnded(all[0]!.load, 0, 100)
    loadStarted(all[1]!.load)
    loadEnded(all[1]!.load, 0, 10)
    const random = seededRandom(3)
    for (let i = 0; i < 100; i++) expect(pickEndpoint(all, isUsable, 0, random)?.id).toBe(1)
  })

  test('the dearest of many is picked never: it loses against whoever is drawn with it', () => {
    const all = candidates(10)
    for (const { id, load } of all) {
      loadStarted(load)
      loadEnded(load, 0, id === 9 ? 100 : 10 + id)
    }
    const random = seededRandom(3)
    for (let i = 0; i < 2_000; i++) expect(pickEndpoint(all, isUsable, 0, random)?.id).not.toBe(9)
  })

  test('of two that are alike each gets half, so that the slightly quicker does not get all of a caller that asks one thing at a time', () => {
    const all = candidates(2)
    for (const { id, load } of all) {
      loadStarted(load)
      loadEnded(load, 0, id === 0 ? 10 : 19)
    }
    for (const share of sharesOf(all, 10_000)) expect(Math.abs(share - 0.5)).toBeLessThan(0.03)
  })

  test('of two that are alike the one with fewer in line is picked always', () => {
    const all = candidates(2)
    for (const { id, load } of all) {
      loadStarted(load)
      loadEnded(load, 0, id === 0 ? 10 : 19)
    }
    loadStarted(all[0]!.load)
    expect(sharesOf(all, 100)).toEqual([0, 1])
  })

  test('an endpoint that is not usable is picked never, and one that is always found', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 12 }), fc.integer(), (flags, seed) => {
        const all = candidates(flags.length)
        for (const each of all) each.usable = flags[each.id] === true
        const picked = pickEndpoint(all, isUsable, 0, seededRandom(seed))
        if (flags.includes(true)) expect(picked?.usable).toBe(true)
        else expect(picked).toBeUndefined()
      }),
      { numRuns: 1_000 },
    )
  })

  test('equals get equal shares, also when most others are not usable', () => {
    for (const share of sharesOf(candidates(5), 20_000)) expect(Math.abs(share - 0.2)).toBeLessThan(0.02)
    const all = candidates(40)
    for (const each of all) each.usable = each.id % 10 === 0
    const shares = sharesOf(all, 20_000)
    for (const each of all) expect(Math.abs(shares[each.id]! - (each.usable ? 0.25 : 0))).toBeLessThan(0.02)
  })
})

describe('a simulated minute of traffic', () => {
  interface Server extends Candidate {
    readonly latencyMs: number
    readonly fails: boolean
    picks: number
  }

  /** One request every 2 ms, each ending after its server's latency; virtual time throughout. */
  function simulate(servers: readonly Server[]): void {
    const random = seededRandom(11)
    let running: { server: Server; endMs: number }[] = []
    for (let nowMs = 0; nowMs < 60_000; nowMs += 2) {
      for (const { server, endMs } of running) {
        if (endMs > nowMs) continue
        if (server.fails) loadFailed(server.load, endMs)
        else loadEnded(server.load, endMs, server.latencyMs)
      }
      running = running.filter(each => each.endMs > nowMs)
      const picked = pickEndpoint(servers, isUsable, nowMs, random)
      if (picked === undefined) continue
      picked.picks += 1
      loadStarted(picked.load)
      running.push({ server: picked, endMs: nowMs + picked.latencyMs })
    }
  }

  function server(id: number, latencyMs: number, fails = false): Server {
    return { id, load: newLoad(0), usable: true, latencyMs, fails, picks: 0 }
  }

  test('a slow endpoint gets a small share', () => {
    const servers = [server(0, 5), server(1, 5), server(2, 200)]
    simulate(servers)
    expect(servers[2]!.picks / 30_000).toBeLessThan(0.01)
    expect(servers[0]!.picks / 30_000).toBeGreaterThan(0.3)
  })

  test('one that is three times as slow gets its part where many ask at once, and none goes without', () => {
    const servers = [server(0, 20), server(1, 20), server(2, 60)]
    simulate(servers)
    const [quick = 0, , slow = 0] = servers.map(({ picks }) => picks / 30_000)
    expect(quick).toBeGreaterThan(slow)
    expect(slow).toBeGreaterThan(0.02)
  })

  test.each([2, 20, 200, 1_000])('an endpoint that fails fast attracts no traffic from peers of %s ms', latencyMs => {
    const servers = [server(0, 1, true), server(1, latencyMs), server(2, latencyMs)]
    simulate(servers)
    expect(servers[0]!.picks / 30_000).toBeLessThan(0.01)
  })
})
