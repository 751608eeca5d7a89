import { expect, test } from 'vitest'
import type { FleetMember } from '../rest/answers.ts'
import { waitForWorkloads } from './readiness.ts'

function member(workload: string, connected: boolean): FleetMember {
  return {
    workload,
    spiffeId: '',
    connected,
    since: 0,
    programVersion: '',
    ackedRevision: 1,
    pendingRevision: null,
    lastNack: null,
    certificateNotAfter: 0,
    subscriptions: [],
  }
}

/** A mesh in which time passes only by pausing. */
function meshThat(connectsAtMs: number, answersAtMs: number) {
  let nowMs = 0
  const api = { fleet: async () => ({ revision: 1, sidecars: [member('b/a', nowMs >= connectsAtMs)] }) }
  const world = {
    nowMs: () => nowMs,
    pause: async (ms: number) => {
      nowMs += ms
    },
    answers: async () => nowMs >= answersAtMs,
  }
  return { api, world }
}

const awaited = [{ workload: 'b/a', port: 1 }]
const never = new AbortController().signal

test('a workload is ready when its sidecar is connected and its program has answered for a moment', async () => {
  const { api, world } = meshThat(100, 500)
  expect(await waitForWorkloads(api, awaited, 20_000, world, never)).toEqual([])
  expect(world.nowMs()).toBe(800)
})

test('who is not ready in time is named', async () => {
  const { api, world } = meshThat(Number.POSITIVE_INFINITY, 0)
  expect(await waitForWorkloads(api, awaited, 1_000, world, never)).toEqual(['b/a'])
  expect(world.nowMs()).toBe(1_000)
})

test('nobody waits any longer when all is to end', async () => {
  const { api, world } = meshThat(Number.POSITIVE_INFINITY, 0)
  expect(await waitForWorkloads(api, awaited, 20_000, world, AbortSignal.abort())).toEqual(['b/a'])
  expect(world.nowMs()).toBe(0)
})
