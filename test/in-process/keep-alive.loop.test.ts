import { afterAll, beforeAll, expect, test } from 'vitest'
import { keepAliveApplication } from '../fakes/keep-alive-application.ts'
import { figures, times } from '../loop/loop.ts'
import { sendMany } from './load.ts'
import { type Mesh, startMesh } from './mesh.ts'
import { service } from './resources.ts'

// A request that goes out on a connection just as its server closes it is lost: a POST is not repeated, and its caller sees 502. Requests are sent
// here at the very time at which servers close, again and again.

const LANES = 8
/** About the server's limit, this much to either side. */
const AROUND_MS = 6

let mesh: Mesh
beforeAll(() => {
  mesh = startMesh()
})
afterAll(() => mesh.close())

async function behind(name: string, limitMs: number, silent: boolean) {
  const application = await mesh.with(keepAliveApplication(limitMs, silent))
  const labels = { app: name }
  const callee = await mesh.sidecar(name, { port: application.port, labels })
  const web = await mesh.sidecar(`${name}-web`, { resources: [callee.workload, service(name, labels)] })
  const head = `POST / HTTP/1.1\r\nHost: ${name}\r\nContent-Length: 1\r\n\r\nx`
  /** Rounds of requests with a pause of about the limit between them. How many failed. */
  async function rounds(count: number): Promise<number> {
    let failed = 0
    for (let round = 0; round < count; round++) {
      const { statuses } = await sendMany(web.outbound, head, LANES, LANES)
      failed += LANES - (statuses.get(200) ?? 0)
      await pause(limitMs + AROUND_MS * ((round % 13) / 6 - 1))
    }
    return failed
  }
  return { application, rounds }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

test('no POST is lost where the application says how long it waits', async context => {
  const { application, rounds } = await behind('says', 1_000, false)
  const count = times(4, 120)
  const failed = await rounds(count)
  figures(context, { requests: count * LANES, failed, connections: application.connections })
  expect(failed).toBe(0)
})

test('where it does not say so, none is lost once it has been seen', async context => {
  const { application, rounds } = await behind('shows', 300, true)
  // Until two connections have ended, at different times and with nothing under way.
  const learning = 4
  const failedBefore = await rounds(learning)
  const count = times(12, 400)
  const failed = await rounds(count)
  figures(context, { requests: count * LANES, failed, failedBefore, connections: application.connections })
  expect(failed).toBe(0)
})
