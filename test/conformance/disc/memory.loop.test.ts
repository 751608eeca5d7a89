import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serviceKey } from '../../../common/mod.ts'
import { DiscoveryBench, service } from '../../in-process/discovery.fixture.ts'
import { figures, times } from '../../loop/loop.ts'

const SIDECARS = 5
const MB = 1024 * 1024

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is reachable, after all that isn't has been collected. */
function heapMb(): number {
  collect()
  collect()
  return process.memoryUsage().heapUsed / MB
}

describe('a storm of subscriptions to names that do not exist', () => {
  let bench: DiscoveryBench
  beforeEach(async () => {
    bench = await DiscoveryBench.start()
  })
  afterEach(() => bench.close())

  it('is answered in the size of each question, and leaves nothing behind when it is over', {
    timeout: 120_000,
  }, async context => {
    const each = times(1_000, 10_000)
    await bench.apply(service('reviews'))
    const sidecars = Array.from({ length: SIDECARS }, (_, instance) => bench.sidecar('web', { instance }))
    await expect.poll(() => sidecars.every(({ source }) => source.status().state === 'open')).toBe(true)
    const beforeMb = heapMb()
    for (let n = 0; n < each; n += 10) {
      for (const [i, { source }] of sidecars.entries()) {
        for (let k = n; k < n + 10; k++) source.want(serviceKey('bookshop', `made-up-${i}-${k}`))
      }
      await new Promise(resolve => setImmediate(resolve))
    }
    await expect.poll(() => sidecars.every(({ sink }) => sink.absent().length === each), { timeout: 60_000 }).toBe(true)
    const stormMb = heapMb()
    for (const { source, sink } of sidecars) {
      sink.updates.length = 0
      // Wanted last before the end of time: all of them.
      source.forget?.([], Number.MAX_SAFE_INTEGER)
    }
    const fleet = () => bench.controlPlane.fleet.fleet().sidecars
    await expect.poll(() => fleet().map(({ subscriptions }) => subscriptions.length)).toEqual(Array(SIDECARS).fill(0))
    const afterMb = heapMb()
    expect(afterMb).toBeLessThan(beforeMb + 3)
    const round = (mb: number) => Math.round(mb * 10) / 10
    figures(context, {
      subscriptions: SIDECARS * each,
      heapBeforeMB: round(beforeMb),
      heapInStormMB: round(stormMb),
      heapAfterMB: round(afterMb),
      residentAfterMB: Math.round(process.memoryUsage().rss / MB),
    })
  })
})
