import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { httpApplication, quickApplication } from '../fakes/application.ts'
import { ask, wire } from './client.ts'
import { sendMany } from './load.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { service } from './resources.ts'

let mesh: Mesh
beforeAll(() => {
  mesh = startMesh()
})
afterAll(() => mesh.close())

/** An application that answers when it is told to, and its sidecar. */
async function holding(name: string) {
  const waiting: ServerResponse[] = []
  const application = await mesh.with(
    httpApplication((request, response) => {
      if (request.url === '/quick') response.writeHead(200, { 'content-length': 2 }).end('ok')
      else waiting.push(response)
    }),
  )
  const callee = await mesh.sidecar(name, { port: application.port, labels: { [name]: 'yes' } })
  return { waiting, application, callee, resources: [callee.workload, service(name, { [name]: 'yes' })] }
}

async function refusesConnections(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.on('error', () => resolve(true))
  })
}

describe('a drain', () => {
  test('fails readiness at once, lets what is under way end, refuses what is new with its cause, then closes', async () => {
    const { waiting, callee, resources } = await holding('ending')
    const web = await mesh.sidecar('web', { resources })
    expect((await ask(callee.metrics, '/readyz')).status).toBe(200)
    const underWay = ask(web.outbound, 'http://ending/')
    await until(() => waiting.length === 1)
    let drained = false
    const drain = callee.sidecar.drain().then(() => {
      drained = true
    })
    const ready = await ask(callee.metrics, '/readyz')
    expect(ready).toMatchObject({ status: 503, body: 'draining\n' })
    expect((await ask(callee.metrics, '/healthz')).status).toBe(200)
    const again = callee.sidecar.drain()
    // Until callers have heard of it, what comes is served.
    expect((await ask(web.outbound, 'http://ending/quick')).status).toBe(200)
    await until(async () => {
      const { status, headers } = await ask(web.outbound, 'http://ending/quick')
      return status === 503 && headers['x-selvedge-cause'] === 'draining'
    })
    expect(drained).toBe(false)
    waiting[0]?.writeHead(200, { 'content-length': 4 }).end('done')
    expect((await underWay).body).toBe('done')
    await Promise.all([drain, again])
    await callee.sidecar.close()
    for (const port of [callee.inbound, callee.outbound, callee.metrics]) {
      expect(await refusesConnections(port)).toBe(true)
    }
  })

  test('asks callers to close, and serves its own application to the end', async () => {
    const other = await holding('other')
    const { callee } = await holding('asking')
    await callee.edit(...other.resources)
    const drain = callee.sidecar.drain()
    const caller = wire(callee.outbound)
    caller.send('GET /quick HTTP/1.1\r\nHost: other\r\n\r\n')
    await caller.match(/ 200 OK.*ok$/s)
    expect(caller.received.toLowerCase()).not.toContain('connection: close')
    const probe = wire(callee.metrics)
    probe.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    await probe.match(/connection: close/i)
    await drain
    caller.send('GET /quick HTTP/1.1\r\nHost: other\r\n\r\n')
    await caller.match(/ok.* 200 OK.*ok$/s)
    caller.socket.destroy()
  })

  test('ends at its time limit, whatever is under way, and the caller sees a failure', async () => {
    const { waiting, callee, resources } = await holding('stuck')
    const web = await mesh.sidecar('web-2', { resources })
    const limited = await mesh.sidecar('limited', {
      ...{ port: 1, labels: {}, config: { drainTimeoutMs: 50 } },
      resources,
    })
    const stuck = ask(limited.outbound, 'http://stuck/')
    await until(() => waiting.length === 1)
    await limited.sidecar.drain()
    await Promise.all([expect(stuck).rejects.toThrow(/hang up|ECONNRESET/), limited.sidecar.close()])
    // Closing twice, and draining what is closed, does nothing.
    await limited.sidecar.close()
    await limited.sidecar.drain()
    // A far sidecar that goes in the middle of a request is a reset, or a failed connection, never silence.
    const broken = ask(web.outbound, 'http://stuck/', { method: 'POST' })
    await until(() => waiting.length === 2)
    await callee.sidecar.close()
    expect(await broken).toMatchObject({ status: 502, headers: { 'x-selvedge-cause': 'upstream-reset' } })
    expect(await ask(web.outbound, 'http://stuck/')).toMatchObject({
      status: 503,
      headers: { 'x-selvedge-cause': 'connect-failed' },
    })
  })

  test('[FAULT-9] of one of two replicas fails no request, POST included', async () => {
    const replica = async (name: string) => {
      const application = await mesh.with(quickApplication(name))
      return mesh.sidecar(name, { port: application.port, labels: { app: 'replicated' } })
    }
    const [first, second] = [await replica('first'), await replica('second')]
    const web = await mesh.sidecar('web-3', {
      resources: [first.workload, second.workload, service('replicated', { app: 'replicated' })],
    })
    const head = 'POST / HTTP/1.1\r\nHost: replicated\r\nContent-Length: 4\r\n\r\nbody'
    let done = false
    const drain = first.sidecar.drain().then(() => first.sidecar.close())
    void drain.then(() => {
      done = true
    })
    let sent = 0
    while (!done || sent < 2_000) {
      const { statuses } = await sendMany(web.outbound, head, 200, 8)
      expect([...statuses]).toEqual([[200, 200]])
      sent += 200
    }
  })
})

test('a sidecar whose application is down answers for it, and is well again with it', async () => {
  const { application, resources } = await holding('restarting')
  const web: SidecarUnderTest = await mesh.sidecar('web-4', { resources })
  expect((await ask(web.outbound, 'http://restarting/quick')).status).toBe(200)
  await application.close()
  expect(await ask(web.outbound, 'http://restarting/quick')).toMatchObject({
    status: 503,
    headers: { 'x-selvedge-cause': 'connect-failed' },
  })
  await application.reopen()
  expect((await ask(web.outbound, 'http://restarting/quick')).status).toBe(200)
})
