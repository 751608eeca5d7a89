import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serviceKey } from '../../../common/mod.ts'
import { DiscoveryBench, service, workload } from '../../in-process/discovery.fixture.ts'
import { figures, times } from '../../loop/loop.ts'
import { type CountingProxy, countingProxy } from './counting-proxy.ts'

const reviews = serviceKey('bookshop', 'reviews')
const ENDPOINTS = 1_000
/** TLS records, HTTP/2 frames, acknowledged PINGs and the message itself. */
const ONE_CHANGE_BYTES_MAX = 2_000

describe('a Service with a thousand endpoints', () => {
  let bench: DiscoveryBench
  let wire: CountingProxy

  beforeEach(async () => {
    bench = await DiscoveryBench.start()
    wire = await countingProxy(bench.controlPlane.address)
  })
  afterEach(async () => {
    await bench.close()
    wire.close()
  })

  it('costs one endpoint on the wire when one changes, is added or goes', async context => {
    const instances = Array.from({ length: ENDPOINTS }, (_, i) => workload(`reviews-${i}`))
    await bench.apply(service('reviews'), ...instances)
    const { source, sink } = bench.sidecar('storefront', { address: wire.address })
    await expect.poll(() => source.status().state).toBe('open')
    wire.taken()
    source.want(reviews)
    await expect.poll(() => sink.endpoints(reviews).length, { timeout: 5_000 }).toBe(ENDPOINTS)
    const wholeBytes = wire.taken()
    const rounds = times(10, 500)
    let mostBytes = 0
    for (let i = 0; i < rounds; i++) {
      const name = `reviews-${i % ENDPOINTS}`
      const kind = i % 3
      const revision =
        kind === 0
          ? await bench.apply(workload(name, `10.0.1.${1 + (i % 250)}`))
          : kind === 1
            ? await bench.remove(workload(name))
            : await bench.apply(workload(`reviews-new-${i}`))
      expect(await bench.wait(revision)).toMatchObject({ live: 1, of: 1, nacks: [] })
      mostBytes = Math.max(mostBytes, wire.taken())
    }
    const expected = new Set(instances.map(({ metadata }) => `bookshop/${metadata.name}`))
    for (let i = 0; i < rounds; i++) {
      if (i % 3 === 0) expected.add(`bookshop/reviews-${i % ENDPOINTS}`)
      if (i % 3 === 1) expected.delete(`bookshop/reviews-${i % ENDPOINTS}`)
      if (i % 3 === 2) expected.add(`bookshop/reviews-new-${i}`)
    }
    expect(sink.endpoints(reviews)).toEqual([...expected].sort())
    expect(source.status().updatesRefused).toBe(0)
    expect(wholeBytes).toBeGreaterThan(40_000)
    expect(mostBytes).toBeLessThan(ONE_CHANGE_BYTES_MAX)
    figures(context, { wholeListBytes: wholeBytes, oneChangeBytesMost: mostBytes, changes: rounds })
  })

  it('is sent whole where the sidecar lost the base', async () => {
    await bench.apply(service('reviews'), ...Array.from({ length: 50 }, (_, i) => workload(`reviews-${i}`)))
    const { source, sink } = bench.sidecar('storefront')
    source.want(reviews)
    await expect.poll(() => sink.endpoints(reviews).length).toBe(50)
    await expect.poll(() => bench.fleetOf('bookshop/storefront-0')?.pendingRevision).toBe(null)
    // It forgets, and the control plane has not heard of it when the change is on its way.
    source.forget?.([reviews], 0)
    const revision = await bench.apply(workload('reviews-0', '10.9.9.9'))
    source.want(reviews)
    await bench.wait(revision)
    await expect.poll(() => sink.updates.at(-1)?.endpoints[0]?.endpoints.length).toBe(50)
    expect(source.status().updatesRefused).toBe(0)
  })
})
