import { mkdtempSync, rmSync, statSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { execute, readCliEnvironment } from '../../cli/mod.ts'
import { byteApplication, httpApplication, quickApplication } from '../fakes/application.ts'
import { ask, begin, wire } from './client.ts'
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

const WEBSOCKET = 'GET /chat HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

/** An application that switches to a WebSocket and echoes, with its sidecar and a caller's. */
async function chatting(name: string, drainTimeoutMs: number) {
  const application = await mesh.with(
    byteApplication(socket => {
      socket.once('data', () => {
        socket.write(SWITCHED)
        socket.on('data', chunk => void socket.write(chunk))
      })
      socket.on('end', () => socket.end())
    }),
  )
  const labels = { app: name }
  const callee = await mesh.sidecar(name, { port: application.port, labels, config: { drainTimeoutMs } })
  const web = await mesh.sidecar(`${name}-web`, { resources: [callee.workload, service(name, labels)] })
  const tunnel = wire(web.outbound)
  tunnel.send(WEBSOCKET.replace('HOST', name))
  await tunnel.match(/^HTTP\/1\.1 101 .*\r\n\r\n$/s)
  return { application, callee, web, tunnel }
}

async function drainOf(sidecar: SidecarUnderTest): Promise<unknown> {
  return JSON.parse(await sidecar.page('/drain'))
}

describe('a tunnel during a drain', () => {
  test('goes on until it ends by itself, and is waited for', async () => {
    const { callee, tunnel } = await chatting('talking', 5_000)
    let drained = false
    const drain = callee.sidecar.drain().then(() => {
      drained = true
    })
    await until(async () => (await drainOf(callee)) !== undefined)
    await new Promise(resolve => setTimeout(resolve, 400))
    tunnel.send('still here')
    await tunnel.match(/still here$/)
    expect(await drainOf(callee)).toEqual({ phase: 'finishing', done: false, exchanges: 0, tunnels: 1 })
    expect(drained).toBe(false)
    tunnel.socket.end()
    await drain
    tunnel.socket.destroy()
  })

  test('is ended in order at the time limit', async () => {
    const { application, callee, web, tunnel } = await chatting('endless', 300)
    const startMs = performance.now()
    await callee.sidecar.drain()
    expect(performance.now() - startMs).toBeLessThan(1_500)
    await callee.sidecar.close()
    expect(await tunnel.ended()).toBe('end')
    // A Close, 1001: its client connects anew, and elsewhere.
    expect(tunnel.received).toContain('\x88\x16\x03\xe9selvedge: going away')
    // What is still open there is the sidecar's look whether the port answers.
    await until(() => application.open <= 1)
    expect(callee.log().some(({ msg, tunnels }) => /^Cannot wait any longer/.test(String(msg)) && tunnels === 1)).toBe(
      true,
    )
    tunnel.socket.destroy()
    await until(async () => (await web.endpoints()).every(({ breaker }) => breaker.connections === 0))
  })
})

describe('the outbound port at the end', () => {
  test('stays open until the application has gone', async () => {
    const other = await holding('needed')
    const { application, callee } = await holding('going')
    const leaving = await mesh.sidecar('leaving', {
      ...{ port: application.port, labels: {}, resources: other.resources },
      config: { drainOutbound: 'application' },
    })
    let drained = false
    const drain = leaving.sidecar.drain().then(() => {
      drained = true
    })
    await until(async () => ((await drainOf(leaving)) as { phase: string }).phase === 'alone')
    await new Promise(resolve => setTimeout(resolve, 500))
    expect(drained).toBe(false)
    expect((await ask(leaving.outbound, 'http://needed/quick')).status).toBe(200)
    // It listens no more, and has a last call to make.
    const last = begin(leaving.outbound, 'http://needed/')
    await until(() => other.waiting.length === 1)
    await application.close()
    await new Promise(resolve => setTimeout(resolve, 600))
    expect(drained).toBe(false)
    other.waiting[0]?.writeHead(200, { 'content-length': 2 }).end('ok')
    expect((await last).statusCode).toBe(200)
    await drain
    await callee.sidecar.close()
  })
})

test('draining takes the token: looking does not begin it, and whoever has none is refused', async () => {
  const { callee } = await holding('asked')
  const admin = Number(callee.sidecar.addresses.admin.split(':')[1])
  for (const headers of [{}, { authorization: 'Bearer' }, { authorization: 'Bearer x' }, { authorization: '' }]) {
    const refused = await ask(admin, '/drain', { method: 'POST', headers })
    expect(refused).toMatchObject({ status: 403 })
    expect(refused.body).toMatch(/^Cannot drain: it takes the token/)
  }
  // Nor is it told at the port that others reach.
  expect(await ask(callee.metrics, '/drain', { method: 'POST' })).toMatchObject({ status: 404 })
  expect(await ask(callee.metrics, '/drain')).toMatchObject({ status: 404 })
  expect(await drainOf(callee)).toEqual({ phase: 'serving', done: false, exchanges: 0, tunnels: 0 })
  expect((await ask(callee.metrics, '/readyz')).status).toBe(200)
})

describe('selvedge drain', () => {
  /** Runs the command as a user does, but in this process. */
  async function command(args: readonly string[]) {
    const said = { out: '', err: '' }
    const status = await execute(['drain', ...args], readCliEnvironment({ SELVEDGE_HOME: '/nonexistent' }), {
      ...{ interactive: false, colour: false, columns: () => 80 },
      out: text => {
        said.out += text
      },
      err: text => {
        said.err += text
      },
    })
    return { status, ...said }
  }

  async function drainable(name: string) {
    const stateDir = mkdtempSync(join(tmpdir(), 'selvedge-drain-'))
    await mesh.with(Promise.resolve({ close: () => rmSync(stateDir, { recursive: true }) }))
    const waiting: ServerResponse[] = []
    const application = await mesh.with(httpApplication((_request, response) => void waiting.push(response)))
    const callee = await mesh.sidecar(name, { port: application.port, labels: { [name]: 'yes' }, config: { stateDir } })
    const web = await mesh.sidecar(`${name}-web`, {
      resources: [callee.workload, service(name, { [name]: 'yes' })],
    })
    return { stateDir, waiting, callee, web }
  }

  test('waits until nothing is under way, and tells how much is left', async () => {
    const { stateDir, waiting, callee, web } = await drainable('patient')
    expect(statSync(join(stateDir, 'admin.json')).mode & 0o777).toBe(0o600)
    const underWay = [ask(web.outbound, 'http://patient/'), ask(web.outbound, 'http://patient/')]
    await until(() => waiting.length === 2)
    const drained = command(['--state-dir', stateDir])
    await until(async () => (await ask(callee.metrics, '/readyz')).status === 503)
    await new Promise(resolve => setTimeout(resolve, 300))
    for (const response of waiting) response.writeHead(200, { 'content-length': 2 }).end('ok')
    expect(await drained).toEqual({
      status: 0,
      out: '2 exchanges left\ndrained: nothing is under way\n',
      err: '',
    })
    for (const answer of underWay) expect((await answer).status).toBe(200)
    // It is drained, and lives: it ends when it is told to.
    expect((await ask(callee.metrics, '/livez')).status).toBe(200)
    expect((await command(['--state-dir', stateDir, '-o', 'json'])).out).toBe(
      `${JSON.stringify({ phase: 'finishing', done: true, exchanges: 0, tunnels: 0 }, undefined, 2)}\n`,
    )
  })

  test('ends with 1 when its time is over, and says what is left', async () => {
    const { stateDir, waiting, web } = await drainable('late')
    const underWay = ask(web.outbound, 'http://late/')
    await until(() => waiting.length === 1)
    expect(await command(['--state-dir', stateDir, '--for', '400ms'])).toMatchObject({
      status: 1,
      err: `Cannot drain the sidecar of ${stateDir} within 400ms: 1 exchange left; wait longer with --for, or end it with SIGTERM\n`,
    })
    waiting[0]?.writeHead(200, { 'content-length': 2 }).end('ok')
    expect((await underWay).status).toBe(200)
  })

  test.each<[string, readonly string[], number, RegExp]>([
    ['nobody', [], 2, /^Cannot drain nobody: name a workload/],
    ['no workload', ['reviews'], 2, /^Cannot drain reviews: write NAMESPACE\/NAME/],
    ['two', ['shop/a', '--state-dir', '/tmp'], 2, /^Cannot drain two/],
    ['for no time', ['--state-dir', '/tmp', '--for', 'x'], 2, /^Cannot use the duration/],
    ['where no sidecar is', ['--state-dir', '/nonexistent'], 1, /^Cannot find a sidecar: there is no \/nonexistent/],
    ['a workload without an "up"', ['shop/a'], 1, /^Cannot find shop\/a: .* is not of a "selvedge up"/],
  ])('of %s says what is wrong', async (_of, args, status, err) => {
    expect(await command(args)).toMatchObject({ status, err: expect.stringMatching(err) })
  })

  test('of a sidecar that has ended says so', async () => {
    const { stateDir, callee } = await drainable('ended')
    await callee.sidecar.close()
    expect(await command(['--state-dir', stateDir])).toMatchObject({
      status: 1,
      err: expect.stringMatching(/^Cannot drain the sidecar at 127\.0\.0\.1:[0-9]+: nothing listens there/),
    })
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
