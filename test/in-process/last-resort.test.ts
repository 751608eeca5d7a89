import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Application, echoApplication } from '../fakes/application.ts'
import { ask } from './client.ts'
import { sendMany } from './load.ts'
import { type Mesh, type SidecarUnderTest, startMesh } from './mesh.ts'
import { service, trafficPolicy } from './resources.ts'

// One of two endpoints is ejected because it failed; it is well again, and its time is not over. Then the other one dies.

const REQUESTS = 1_000
const HEAD = 'GET / HTTP/1.1\r\nHost: pair\r\n\r\n'

let mesh: Mesh
let first: Application
let second: Application
let web: SidecarUnderTest

beforeAll(async () => {
  mesh = startMesh()
  first = await mesh.with(echoApplication('first'))
  second = await mesh.with(echoApplication('second'))
  const labels = { app: 'pair' }
  const one = await mesh.sidecar('first', { port: first.port, labels })
  const other = await mesh.sidecar('second', { port: second.port, labels })
  // One failure is enough: how many more the balancer lets through depends on how fast the machine is.
  const policy = trafficPolicy('pair', { outlierDetection: { consecutiveErrors: 1 } })
  web = await mesh.sidecar('web', { resources: [one.workload, other.workload, service('pair', labels), policy] })
})
afterAll(() => mesh.close())

async function ejected(): Promise<number> {
  const pair = (await web.endpoints()).find(({ destination }) => destination === 'shop/pair')
  return pair?.endpoints.filter(each => each.ejected).length ?? 0
}

describe('[RETRY-5] an ejected endpoint, while the other one is dead', () => {
  test('is ejected first: its failures are retried at the other', async () => {
    await first.close()
    const { statuses } = await sendMany(web.outbound, HEAD, 100, 8)
    expect([...statuses]).toEqual([[200, 100]])
    expect(await ejected()).toBe(1)
    await first.reopen()
  })

  test('gets the request that has just failed at the dead one, whatever its method: nothing was sent', async () => {
    await second.close()
    const before = first.seen
    for (const method of ['POST', 'GET', 'POST']) {
      expect(await ask(web.outbound, 'http://pair/', { method })).toMatchObject({ status: 200 })
    }
    expect(first.seen - before).toBe(3)
    expect(await ejected()).toBe(1)
  })

  test('gets more than retries as soon as the other is seen to fail: they would not be enough', async () => {
    const { statuses } = await sendMany(web.outbound, HEAD, REQUESTS, 16)
    expect([...statuses]).toEqual([[200, REQUESTS]])
    // At most a fifth of the requests may be retried, or 100 in ten seconds.
    const ratio = Number(
      /selvedge_retry_budget_ratio\{destination="shop\/pair"\} (\S+)/.exec(await web.page('/metrics'))?.[1],
    )
    expect(ratio).toBeLessThan(0.5)
  })

  test('and when the other has come back, nothing fails', async () => {
    await second.reopen()
    const { statuses } = await sendMany(web.outbound, HEAD, REQUESTS, 16)
    expect([...statuses]).toEqual([[200, REQUESTS]])
    expect(await ejected()).toBe(1)
  })
})
