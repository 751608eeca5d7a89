import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serviceKey } from '../../common/mod.ts'
import type { AddressOwner } from '../../model/snapshot/mod.ts'
import { CurrentPolicy } from '../../sidecar/policy/mod.ts'
import { type Content, DiscoveryBench, service, workload } from './discovery.fixture.ts'

const reviews = serviceKey('bookshop', 'reviews')

/** Reviews, with addresses of its own. */
function reviewsAt(clusterIP: string, ...clusterIPs: string[]): Content {
  const plain = service('reviews')
  return { ...plain, spec: { ...(plain.spec as object), clusterIP, clusterIPs: [clusterIP, ...clusterIPs] } }
}

describe('whose an address is, asked over real mTLS', () => {
  let bench: DiscoveryBench
  beforeEach(async () => {
    bench = await DiscoveryBench.start()
  })
  afterEach(() => bench.close())

  async function asking() {
    const { source, sink } = bench.sidecar('storefront')
    await expect.poll(() => sink.updates.some(update => update.self !== undefined)).toBe(true)
    return (address: string): Promise<AddressOwner> =>
      new Promise((resolve, reject) => {
        const asked = source.findOwner?.(address, resolve)
        if (asked !== true) reject(new Error('nobody can be asked'))
      })
  }

  it("is a service's, an instance's or nobody's", async () => {
    await bench.apply(reviewsAt('10.96.0.9', 'FD00:96::0009'), workload('reviews-9', '10.0.0.9'))
    const ask = await asking()
    expect(await ask('10.96.0.9')).toEqual({ kind: 'service', service: reviews })
    expect(await ask('fd00:96::9')).toEqual({ kind: 'service', service: reviews })
    expect(await ask('10.0.0.9')).toEqual({ kind: 'instance', services: [reviews] })
    expect(await ask('192.0.2.1')).toEqual({ kind: 'nobody' })
  })

  it('is what holds when it is asked', async () => {
    await bench.apply(reviewsAt('10.96.0.9'))
    const ask = await asking()
    expect(await ask('10.96.0.10')).toEqual({ kind: 'nobody' })
    await bench.apply(reviewsAt('10.96.0.10'))
    await expect.poll(() => ask('10.96.0.10')).toEqual({ kind: 'service', service: reviews })
    expect(await ask('10.96.0.9')).toEqual({ kind: 'nobody' })
  })

  it('becomes known to the policy, and wakes who waits for it', async () => {
    await bench.apply(reviewsAt('10.96.0.9'))
    const { source, sink } = bench.sidecar('storefront')
    await expect.poll(() => sink.updates.some(update => update.self !== undefined)).toBe(true)
    const policy = new CurrentPolicy(() => performance.now())
    policy.follow({ ...source, start: () => undefined })
    expect(policy.lookupAddress('10.96.0.9')).toEqual({ kind: 'unknown', asked: true })
    await new Promise<void>(resolve => policy.whenKnown('10.96.0.9', resolve))
    expect(policy.lookupAddress('10.96.0.9')).toEqual({ kind: 'known', owner: { kind: 'service', service: reviews } })
  })

  it('is asked again of the control plane that comes back', async () => {
    await bench.apply(reviewsAt('10.96.0.9'))
    const ask = await asking()
    await bench.restart()
    await expect
      .poll(() => ask('10.96.0.9').catch(String), { timeout: 10_000 })
      .toEqual({ kind: 'service', service: reviews })
  })
})

describe('a question about an address', () => {
  it('that names none ends the stream', async () => {
    const bench = await DiscoveryBench.start()
    const { source, sink } = bench.sidecar('storefront')
    await expect.poll(() => sink.updates.some(update => update.self !== undefined)).toBe(true)
    source.findOwner?.('not-an-address', () => undefined)
    await expect.poll(() => source.status().lastEnd).toContain('an address question names no IP address')
    await bench.close()
  })
})
