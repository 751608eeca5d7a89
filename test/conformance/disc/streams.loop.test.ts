import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serviceKey } from '../../../common/mod.ts'
import { DiscoveryBench, routeTo, service, workload } from '../../in-process/discovery.fixture.ts'
import { figures, times } from '../../loop/loop.ts'
import { countingProxy } from './counting-proxy.ts'

const reviews = serviceKey('bookshop', 'reviews')

describe('streams under stress', () => {
  let bench: DiscoveryBench
  beforeEach(async () => {
    bench = await DiscoveryBench.start()
  })
  afterEach(() => bench.close())

  it('[DISC-6] a storm of reconnects is spread by chance, and nobody is sent what it holds', {
    timeout: 900_000,
  }, async context => {
    const count = times(25, 150)
    await bench.apply(service('reviews'), ...Array.from({ length: 200 }, (_, i) => workload(`reviews-${i}`)))
    const wire = await countingProxy(bench.controlPlane.address)
    bench.closes(() => wire.close())
    const sidecars = Array.from({ length: count }, (_, instance) =>
      bench.sidecar('storefront', { instance, address: wire.address }),
    )
    for (const { source } of sidecars) source.want(reviews)
    const settled = (since: number) => () =>
      sidecars.filter(({ source, sink }) => source.status().state === 'open' && sink.updates.length > since).length
    await expect.poll(settled(0), { timeout: 300_000 }).toBe(count)
    await expect
      .poll(() => sidecars.every(({ sink }) => sink.endpoints(reviews).length === 200), { timeout: 30_000 })
      .toBe(true)
    await bench.apply(service('reviews', 81))
    const hasPort = (number: number) => () =>
      sidecars.every(({ sink }) => sink.service(reviews)?.ports[0]?.port === number)
    await expect.poll(hasPort(81), { timeout: 60_000 }).toBe(true)
    // All answers are in: the control plane knows what each holds.
    await expect
      .poll(() => bench.controlPlane.fleet.fleet().sidecars.filter(({ pendingRevision }) => pendingRevision !== null), {
        timeout: 30_000,
      })
      .toEqual([])
    const firstBytes = wire.taken()
    const seen = sidecars.map(({ sink }) => sink.updates.length)
    const began = performance.now()
    await bench.restart()
    await expect
      .poll(() => sidecars.filter(({ source }) => source.status().state === 'open').length, { timeout: 300_000 })
      .toBe(count)
    const backMs = performance.now() - began
    await expect
      .poll(() => sidecars.every(({ sink }, i) => sink.updates.length > (seen[i] ?? 0)), { timeout: 20_000 })
      .toBe(true)
    const resent = sidecars.flatMap(({ sink }, i) => sink.updates.slice(seen[i]))
    expect(resent.flatMap(update => [...update.services, ...update.endpoints, ...update.absent])).toEqual([])
    const resumeBytes = wire.taken()
    // TLS handshakes are most of it.
    expect(resumeBytes).toBeLessThan(count * 6_000)
    figures(context, { sidecars: count, firstBytes, resumeBytes, backMs: Math.round(backMs) })
  })

  it('[DISC-7] a sidecar that does not read slows nobody, costs no queue, and gets the latest alone', async context => {
    const changes = times(20, 200)
    await bench.apply(service('reviews'))
    const wire = await countingProxy(bench.controlPlane.address)
    bench.closes(() => wire.close())
    const slow = bench.sidecar('slow', { address: wire.address })
    const quick = bench.sidecar('quick')
    for (const { source } of [slow, quick]) source.want(reviews)
    for (const { sink } of [slow, quick]) await expect.poll(() => sink.services()).toEqual([reviews])
    await expect.poll(() => bench.fleetOf('bookshop/slow-0')?.pendingRevision).toBe(null)
    const seen = slow.sink.updates.length
    wire.stall()
    const waits: number[] = []
    for (let i = 1; i <= changes; i++) {
      const revision = await bench.apply(service('reviews', 1_000 + i))
      const began = performance.now()
      await expect
        .poll(() => bench.fleetOf('bookshop/quick-0')?.ackedRevision, { interval: 5 })
        .toBeGreaterThanOrEqual(revision)
      waits.push(performance.now() - began)
    }
    expect(quick.sink.service(reviews)?.ports[0]?.port).toBe(1_000 + changes)
    expect(slow.sink.updates.length).toBe(seen)
    const first = bench.fleetOf('bookshop/slow-0')?.pendingRevision ?? 0
    expect(first).toBeLessThan(bench.controlPlane.store.revision() - changes / 2)
    // Its line breaks, it comes back, and what it gets is the newest, in one step.
    wire.close()
    await slow.source.close()
    const back = bench.sidecar('slow')
    back.source.want(reviews)
    await expect.poll(() => back.sink.service(reviews)?.ports[0]?.port).toBe(1_000 + changes)
    expect(back.sink.services()).toEqual([reviews])
    waits.sort((a, b) => a - b)
    figures(context, { changes, medianMsOfOthers: Math.round(waits[waits.length >> 1] ?? 0) })
  })

  it('[DISC-8] a hundred changes a second are gathered, none waits for longer than the bound, and all arrive', {
    timeout: 900_000,
  }, async context => {
    const seconds = times(2, 60)
    await bench.apply(service('reviews'), service('ratings'))
    const { source, sink } = bench.sidecar('storefront')
    source.want(reviews)
    await expect.poll(() => sink.services()).toEqual([reviews])
    await expect.poll(() => bench.fleetOf('bookshop/storefront-0')?.pendingRevision).toBe(null)
    const before = sink.updates.length
    const lags: number[] = []
    const ends = performance.now() + seconds * 1_000
    let changes = 0
    while (performance.now() < ends) {
      const due = performance.now() + 10
      changes++
      const revision = await bench.apply(service('reviews', 1 + (changes % 60_000)))
      if (changes % 20 === 0) {
        const began = performance.now()
        void bench.wait(revision).then(() => lags.push(performance.now() - began))
      }
      await new Promise(resolve => setTimeout(resolve, Math.max(0, due - performance.now())))
    }
    await expect.poll(() => sink.service(reviews)?.ports[0]?.port).toBe(1 + (changes % 60_000))
    const updates = sink.updates.length - before
    // At most one each 20 ms by the quiet time, and under changes without a rest one each 200 ms.
    expect(updates).toBeLessThan(seconds * 15)
    expect(updates).toBeGreaterThanOrEqual(seconds * 2)
    const slowest = Math.max(...lags)
    expect(slowest).toBeLessThan(1_000)
    figures(context, { changes, updates, slowestMs: Math.round(slowest) })
  })
})

describe('what belongs together', () => {
  let bench: DiscoveryBench
  beforeEach(async () => {
    bench = await DiscoveryBench.start()
  })
  afterEach(() => bench.close())

  it('[DISC-4] [GW-7] a route to a Service that does not exist arrives whole with its share marked invalid, and is put right by a push', async () => {
    await bench.apply(service('reviews'))
    const { source, sink } = bench.sidecar('storefront')
    source.want(reviews)
    await expect.poll(() => sink.services()).toEqual([reviews])
    const route = routeTo('reviews')
    const [rule] = route.spec.rules
    const split = {
      ...route,
      spec: { ...route.spec, rules: [{ backendRefs: [...(rule?.backendRefs ?? []), { name: 'ratings', port: 80 }] }] },
    }
    expect(await bench.wait(await bench.apply(split))).toMatchObject({ live: 1, of: 1, nacks: [] })
    const backends = () => {
      const routing = sink.service(reviews)?.routing
      return routing?.kind === 'routes'
        ? routing.rules[0]?.backends.map(({ kind, weight }) => [kind, weight])
        : undefined
    }
    expect(backends()).toEqual([
      ['service', 1],
      ['invalid', 1],
    ])
    await bench.apply(service('ratings'))
    await expect.poll(backends).toEqual([
      ['service', 1],
      ['service', 1],
    ])
    // The route and the Service that it sends to came in one step: never the one without the other.
    expect(sink.updates.at(-1)?.services.map(({ key }) => key)).toEqual(['bookshop/ratings', 'bookshop/reviews'])
  })
})
