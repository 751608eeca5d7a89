import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { keepAliveApplication } from '../fakes/keep-alive-application.ts'
import { ask } from './client.ts'
import { type Mesh, startMesh } from './mesh.ts'
import { service } from './resources.ts'

let mesh: Mesh
beforeAll(() => {
  mesh = startMesh()
})
afterAll(() => mesh.close())

/** An application behind a sidecar, and a caller's. */
async function behind(name: string, limitMs: number, silent = false) {
  const application = await mesh.with(keepAliveApplication(limitMs, silent))
  const labels = { app: name }
  const callee = await mesh.sidecar(name, { port: application.port, labels })
  const web = await mesh.sidecar(`${name}-web`, { resources: [callee.workload, service(name, labels)] })
  const post = async () => {
    const { status } = await ask(web.outbound, `http://${name}/`, { method: 'POST', body: 'x' })
    expect(status).toBe(200)
  }
  return { application, post }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

// How long connections to an application are kept that says, or shows, when it ends them itself.
describe.concurrent('a connection to an application', () => {
  test('that says 5 s is used again for 4 s, and not after', async () => {
    const { application, post } = await behind('five', 5_000)
    await post()
    await pause(3_700)
    await post()
    expect(application.connections).toBe(1)
    await pause(4_100)
    await post()
    expect(application.connections).toBe(2)
    expect(application.idled).toBe(0)
  })

  test('that says 1 s is used again for half of it, and not after', async () => {
    const { application, post } = await behind('one', 1_000)
    await post()
    await pause(300)
    await post()
    expect(application.connections).toBe(1)
    await pause(700)
    await post()
    expect(application.connections).toBe(2)
  })

  test('that says nothing is used again for as long as others, until it has been seen to end two of them', async () => {
    const { application, post } = await behind('silent', 1_200, true)
    await post()
    await pause(900)
    await post()
    expect(application.connections).toBe(1)
    for (const connections of [1, 2]) {
      await pause(1_500)
      expect(application.idled).toBe(connections)
      await post()
    }
    // Three connections by now, and more than half of the limit is too long.
    await pause(900)
    await post()
    expect(application.connections).toBe(4)
    expect(application.idled).toBe(2)
  })
})
