import { afterAll, beforeAll, expect, test } from 'vitest'
import { figures, times } from '../../test/loop/loop.ts'
import { callerProcess, echoProcess } from '../kit/caller.ts'
import { memoryOf } from '../kit/memory.ts'
import { type Mesh, startMesh } from '../kit/mesh.ts'
import { wrk } from '../kit/wrk.ts'

const REQUESTS = times(30_000, 10_000_000)
/** After so many, all code is compiled and all pools are as large as they get. */
const WARM = times(15_000, 1_000_000)
/** In the short form the heap still grows towards its size. */
const GROWTH_PERCENT_MAX = times(60, 15)
const SLICE_S = times(2, 30)
const CONNECTIONS = 32

let mesh: Mesh

beforeAll(async () => {
  mesh = await startMesh([echoProcess('hello', 'hello'), callerProcess()].join(''))
}, 60_000)
afterAll(async () => {
  await mesh?.stop()
})

test(`both sidecars end ${REQUESTS} requests with the memory that they had after the first ${WARM}`, async context => {
  const { outbound } = mesh.sidecar('shop/caller')
  const pids = { caller: mesh.sidecar('shop/caller').pid, callee: mesh.sidecar('shop/hello').pid }
  // At once: V8 collects more than it must when it has nothing else to do for a while, or doesn't.
  const memory = (): { caller: number; callee: number } => ({
    caller: memoryOf(pids.caller).privateDirtyKb,
    callee: memoryOf(pids.callee).privateDirtyKb,
  })
  let requests = 0
  let failed = 0
  const until = async (count: number): Promise<void> => {
    while (requests < count) {
      const blasted = await wrk({ port: outbound, host: 'hello', connections: CONNECTIONS }, SLICE_S)
      requests += blasted.requests
      failed += blasted.failed
      console.log(`${requests} of ${REQUESTS} requests, ${Math.round(blasted.perSecond)}/s`)
    }
  }

  await until(WARM)
  const warm = memory()
  await until(REQUESTS)
  const end = memory()
  const growthOf = (who: 'caller' | 'callee'): number => (end[who] / warm[who] - 1) * 100
  figures(context, {
    requests,
    failed,
    callerWarmMb: warm.caller / 1024,
    callerEndMb: end.caller / 1024,
    callerGrowthPercent: growthOf('caller'),
    calleeWarmMb: warm.callee / 1024,
    calleeEndMb: end.callee / 1024,
    calleeGrowthPercent: growthOf('callee'),
  })
  expect(failed).toBe(0)
  expect(growthOf('caller')).toBeLessThanOrEqual(GROWTH_PERCENT_MAX)
  expect(growthOf('callee')).toBeLessThanOrEqual(GROWTH_PERCENT_MAX)
})
