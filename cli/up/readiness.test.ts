import { expect, test } from 'vitest'
import { waitForWorkloads } from './readiness.ts'

/** A mesh in which time passes only by pausing, and one workload is offered from some moment on. */
function meshThat(offersAtMs: number) {
  let nowMs = 0
  const api = { offeredWorkloads: async () => new Set(nowMs >= offersAtMs ? ['b/a'] : []) }
  const world = {
    nowMs: () => nowMs,
    pause: async (ms: number) => {
      nowMs += ms
    },
  }
  return { api, world }
}

const never = new AbortController().signal

test('the waiting ends when all are offered', async () => {
  const { api, world } = meshThat(500)
  expect(await waitForWorkloads(api, ['b/a'], 20_000, world, never)).toEqual([])
  expect(world.nowMs()).toBe(500)
})

test('who is not offered in time is named', async () => {
  const { api, world } = meshThat(0)
  expect(await waitForWorkloads(api, ['b/a', 'b/b'], 1_000, world, never)).toEqual(['b/b'])
  expect(world.nowMs()).toBe(1_000)
})

test('nobody waits any longer when all is to end', async () => {
  const { api, world } = meshThat(Number.POSITIVE_INFINITY)
  expect(await waitForWorkloads(api, ['b/a'], 20_000, world, AbortSignal.abort())).toEqual(['b/a'])
  expect(world.nowMs()).toBe(0)
})
