import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ProxyAgent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCa, toPem } from '../../certs/mod.ts'
import type { Protocol } from '../../model/snapshot/mod.ts'
import { type Application, byteApplication, echoApplication } from '../fakes/application.ts'
import { type Wire, wire } from './client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, TRUST_DOMAIN, until } from './mesh.ts'
import { type Resource, trafficPolicy, workload } from './resources.ts'

// Bytes as they are, from one application to another, through two sidecars: DESIGN, section 2.2.

let mesh: Mesh
let web: SidecarUnderTest
const callees = new Map<string, SidecarUnderTest>()

beforeAll(async () => {
  mesh = startMesh()
  const resources: Resource[] = []
  const beside = async (name: string, application: Promise<Application>, protocol: Protocol = 'detect') => {
    const { port } = await mesh.with(application)
    const callee = await mesh.sidecar(name, { port, protocol, labels: { app: name }, config: { accessLog: true } })
    callees.set(name, callee)
    resources.push(callee.workload, service(name))
  }
  await beside('redis', byteApplication(redis))
  await beside('echo', byteApplication(echo))
  await beside('sink', byteApplication(count))
  await beside('source', byteApplication(pour))
  await beside('mail', byteApplication(greet))
  await beside('breaker', byteApplication(breakOff))
  await beside('stubborn', byteApplication(neverReads))
  await beside('web', echoApplication('web'))
  await beside('locked', echoApplication('locked'), 'http')
  await beside('secret', secretApplication())
  resources.push(service('declared', 'postgresql', 'redis'))
  resources.push(service('gone', undefined, 'nobody'))
  web = await mesh.sidecar('caller', { resources, config: { accessLog: true } })
})
afterAll(() => mesh.close())

function service(name: string, appProtocol?: string, app = name): Resource {
  const spec = { selector: { app }, ports: [{ port: 80, targetPort: 'http', appProtocol }] }
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec }
}

const PONG = '+PONG\r\n'

/** One answer for each `PING`, however they are cut. */
function redis(socket: Socket): void {
  let held = ''
  socket.on('data', chunk => {
    const parts = (held + chunk.toString('latin1')).split('*1\r\n$4\r\nPING\r\n')
    held = parts.pop() ?? ''
    socket.write(PONG.repeat(parts.length))
  })
  socket.on('end', () => socket.end())
}

function echo(socket: Socket): void {
  socket.pipe(socket)
}

/** Tells how many bytes it has got, when all have come. */
function count(socket: Socket): void {
  let sum = 0
  let bytes = 0
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    for (const byte of chunk) sum = (sum * 31 + byte) | 0
  })
  socket.on('end', () => socket.end(`${bytes} ${sum}`))
}

const POURED = 20_000_000

/** Says a lot to whoever says a word. */
function pour(socket: Socket): void {
  socket.on('end', () => socket.end())
  socket.once('data', () => {
    let left = POURED
    const more = (): void => {
      while (left > 0) {
        left -= 100_000
        if (!socket.write(Buffer.alloc(100_000, 0x61 + ((left / 100_000) % 26)))) {
          socket.once('drain', more)
          return
        }
      }
      socket.end()
    }
    more()
  })
}

function greet(socket: Socket): void {
  socket.write('220 mail ESMTP\r\n')
  socket.on('data', chunk => socket.write(`250 ${chunk.toString('latin1')}`))
  socket.on('end', () => socket.end('221 bye\r\n'))
}

function breakOff(socket: Socket): void {
  socket.on('data', () => socket.resetAndDestroy())
}

function neverReads(socket: Socket): void {
  socket.pause()
}

/** Says `secret` to whoever comes by TLS. */
async function secretApplication(): Promise<Application> {
  const pair = makeCa({ trustDomain: TRUST_DOMAIN, lifeMs: 3_600_000, nowMs: Date.now() })
  const server = createTlsServer(
    { key: pair.privateKeyPem, cert: toPem('CERTIFICATE', pair.certificateDer), ALPNProtocols: ['h2', 'http/1.1'] },
    socket => socket.on('error', () => undefined).end(`secret ${socket.servername} ${socket.alpnProtocol}`),
  )
  return byteApplication(socket => server.emit('connection', socket))
}

async function connect(name: string, halfOpen = false): Promise<Wire> {
  const caller = wire(web.outbound, halfOpen)
  caller.send(`CONNECT ${name}:80 HTTP/1.1\r\nHost: ${name}:80\r\n\r\n`)
  await caller.match(/^HTTP\/1\.1 200 [^\r]*\r\n\r\n/)
  return caller
}

/** What has come behind our sidecar's word. */
function told(caller: Wire): string {
  return caller.received.slice(caller.received.indexOf('\r\n\r\n') + 4)
}

/** What is reachable of buffers. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i++) collect()
  return process.memoryUsage().arrayBuffers
}

describe('bytes between two sidecars', () => {
  test('go to and fro, and the wire between them is HTTP/2 over mTLS', async () => {
    const caller = await connect('redis')
    for (let i = 1; i <= 20; i++) {
      caller.send('*1\r\n$4\r\nPING\r\n')
      await until(() => told(caller) === PONG.repeat(i))
    }
    caller.socket.end()
    expect(await caller.ended()).toBe('end')
    const [view] = (await web.endpoints()).filter(({ destination }) => destination === 'shop/redis')
    expect(view?.endpoints).toMatchObject([{ mtls: true, connections: 1 }])
    const lines = () =>
      callees
        .get('redis')!
        .log()
        .filter(line => line.msg === 'exchange')
    await until(() => lines().length === 1)
    expect(lines()[0]).toMatchObject({
      ...{ direction: 'inbound', source: 'shop/caller', destination: 'shop/redis', method: 'CONNECT', status: 200 },
      ...{ mtls: true, requestBytes: 280, answerBytes: 140 },
    })
  })

  test('of many callers share few connections', async () => {
    const callers = await Promise.all(Array.from({ length: 50 }, () => connect('redis')))
    for (const caller of callers) caller.send('*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n')
    await until(() => callers.every(caller => told(caller) === PONG.repeat(2)))
    const [view] = (await web.endpoints()).filter(({ destination }) => destination === 'shop/redis')
    expect(view?.endpoints[0]?.connections).toBeLessThanOrEqual(4)
    for (const caller of callers) caller.socket.destroy()
  })

  test('arrive whole and in order, twenty megabytes of them, and the answer comes behind the end of the caller', async () => {
    const caller = await connect('sink', true)
    let sum = 0
    let sent = 0
    for (let i = 0; i < 200; i++) {
      const chunk = Buffer.alloc(100_000 + i, i)
      for (const byte of chunk) sum = (sum * 31 + byte) | 0
      sent += chunk.length
      if (!caller.socket.write(chunk)) await new Promise(resolve => caller.socket.once('drain', resolve))
    }
    caller.socket.end()
    expect(await caller.ended()).toBe('end')
    expect(told(caller)).toBe(`${sent} ${sum}`)
  })

  test('come whole from a server that says a lot, and ends', async () => {
    const caller = await connect('source', true)
    caller.send('\0')
    expect(await caller.ended()).toBe('end')
    const text = told(caller)
    expect(text.length).toBe(POURED)
    expect(text.slice(0, 100_000)).toBe(String.fromCharCode(0x61 + ((POURED / 100_000 - 1) % 26)).repeat(100_000))
    expect(text.endsWith('a'.repeat(100_000))).toBe(true)
    caller.socket.end()
  })

  test('of a caller whose server does not read wait there, and not in sidecars', async () => {
    const caller = await connect('stubborn')
    let written = 0
    const chunk = Buffer.alloc(64 * 1024)
    const before = heldBytes()
    caller.send('\0')
    let blocked = false
    while (!blocked && written < 200_000_000) {
      written += chunk.length
      if (caller.socket.write(chunk)) continue
      blocked = await Promise.race([
        new Promise<boolean>(resolve => caller.socket.once('drain', () => resolve(false))),
        new Promise<boolean>(resolve => setTimeout(() => resolve(true), 500)),
      ])
    }
    expect(blocked).toBe(true)
    // The kernel's buffers of three connections hold most of it.
    expect(written).toBeLessThan(40_000_000)
    // Each of the two sidecars holds what one stream may have on its way; this test's own socket holds the rest.
    const own = caller.socket.writableLength
    expect(heldBytes() - before - own).toBeLessThan(2_000_000)
    caller.socket.destroy()
  })

  test('that a server breaks off break off its caller', async () => {
    const caller = await connect('breaker')
    caller.send('\0')
    expect(await caller.ended()).toBe('reset')
  })

  test('that a caller breaks off end at its server', async () => {
    const caller = await connect('echo')
    caller.send('\0')
    await until(() => told(caller) === '\0')
    caller.socket.resetAndDestroy()
    await until(async () => {
      const views = await web.endpoints()
      return views.some(({ destination, breaker }) => destination === 'shop/echo' && breaker.requests === 0)
    })
    const closed = () =>
      callees
        .get('echo')!
        .log()
        .some(line => line.msg === 'exchange')
    await until(closed)
  })

  test('of TLS pass through: the application has its own handshake, with its own name and protocol', async () => {
    const caller = await connect('secret')
    caller.socket.removeAllListeners('data')
    const secured = connectTls({
      ...{ socket: caller.socket, servername: 'secret.example', ALPNProtocols: ['h2'], rejectUnauthorized: false },
    })
    let text = ''
    secured.on('data', chunk => {
      text += chunk.toString()
    })
    await until(() => text === 'secret secret.example h2')
    secured.destroy()
    // For people, the log names whom it asked for.
    const line = () => web.log().find(({ destination, msg }) => msg === 'exchange' && destination === 'shop/secret')
    await until(() => line() !== undefined)
    expect(line()).toMatchObject({ method: 'CONNECT', detail: 'TLS for secret.example' })
  })

  test('of a TLS handshake that is cut anywhere pass through', async () => {
    const hello = Buffer.concat([Buffer.from([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]), Buffer.alloc(194, 7)])
    for (const cut of [1, 2, 5, 6, 11, 43, 204]) {
      const caller = await connect('echo')
      caller.send(hello.subarray(0, cut))
      await until(() => told(caller).length === cut)
      caller.send(hello.subarray(cut))
      await until(() => told(caller) === hello.toString('latin1'))
      caller.socket.destroy()
    }
  })

  test('where their protocol is declared are not looked at, and connected before there is a tunnel', async () => {
    const caller = await connect('declared')
    caller.send('*1\r\n$4\r\nPING\r\n')
    await until(() => told(caller) === PONG)
    caller.socket.destroy()
    const nobody = wire(web.outbound)
    nobody.send('CONNECT gone:80 HTTP/1.1\r\nHost: gone:80\r\n\r\n')
    await nobody.match(/^HTTP\/1\.1 200 /)
    nobody.send('\0')
    expect(await nobody.ended()).toBe('reset')
  })

  test('never reach a port of HTTP: what is said there is looked at', async () => {
    const caller = await connect('locked')
    caller.send('\0\x01')
    expect(await caller.ended()).toBe('reset')
    expect(await callees.get('locked')!.page('/metrics')).toMatch(
      /selvedge_requests_total\{direction="inbound"[^}]*protocol="tcp"[^}]*cause="unsupported-protocol"[^}]*\} [0-9]/,
    )
  })
})

describe('a server that speaks first, behind two sidecars', () => {
  test('is heard within the wait, and without one from then on', async () => {
    const times: number[] = []
    for (let i = 0; i < 5; i++) {
      const start = performance.now()
      const caller = await connect('mail')
      await until(() => told(caller) === '220 mail ESMTP\r\n')
      times.push(performance.now() - start)
      caller.send('NOOP')
      await until(() => told(caller).endsWith('250 NOOP'))
      caller.socket.end()
      await until(() => told(caller).endsWith('221 bye\r\n'))
    }
    expect(times[0]).toBeGreaterThan(48)
    expect(Math.min(...times.slice(1))).toBeLessThan(48)
  })
})

describe('a pool of HTTP clients that connects ahead of time', () => {
  test('of undici, through CONNECT, is routed request by request', async () => {
    const proxy = new ProxyAgent({ uri: `http://127.0.0.1:${web.outbound}`, proxyTunnel: true, connections: 4 })
    for (let i = 0; i < 8; i++) {
      const { statusCode, body } = await request(`http://web/${i}`, { dispatcher: proxy })
      expect(statusCode).toBe(200)
      expect(await body.json()).toMatchObject({ name: 'web', url: `/${i}` })
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    await proxy.close()
    expect(await web.page('/metrics')).toMatch(
      /selvedge_requests_total\{[^}]*destination="shop\/web"[^}]*protocol="http"[^}]*\} 8\n/,
    )
  })

  test('of many, silent for long, says HTTP in the end: none of them, nor their destination, has become bytes', async () => {
    const callers = await Promise.all(Array.from({ length: 20 }, () => connect('web')))
    await new Promise(resolve => setTimeout(resolve, 250))
    for (const [i, caller] of callers.entries()) caller.send(`GET /ahead-${i} HTTP/1.1\r\nHost: web\r\n\r\n`)
    for (const [i, caller] of callers.entries()) await caller.match(new RegExp(`"url":"/ahead-${i}"`))
    for (const caller of callers) caller.socket.destroy()
    const metrics = await web.page('/metrics')
    expect(metrics).not.toMatch(/selvedge_requests_total\{[^}]*destination="shop\/web"[^}]*protocol="tcp"/)
    const agent = new Agent({ keepAlive: true })
    const status = await new Promise(resolve => {
      const sent = httpRequest({
        host: '127.0.0.1',
        port: web.outbound,
        path: 'http://web/after',
        headers: { host: 'web' },
        agent,
      })
      sent.on('response', response => resolve(response.resume().statusCode)).end()
    })
    expect(status).toBe(200)
    agent.destroy()
  })
})

test('connections of bytes are balanced, and go elsewhere when one endpoint is away', async () => {
  const [one, other] = [await mesh.with(quickBytes('1')), await mesh.with(quickBytes('2'))]
  const sidecars = [
    await mesh.sidecar('twin-1', { port: one.port, protocol: 'tcp', labels: { app: 'twin' } }),
    await mesh.sidecar('twin-2', { port: other.port, protocol: 'tcp', labels: { app: 'twin' } }),
  ]
  const own = await mesh.sidecar('twin-caller', {
    resources: [...sidecars.map(({ workload }) => workload), service('twin', 'tcp')],
  })
  const say = async (): Promise<string> => {
    const caller = wire(own.outbound)
    caller.send('CONNECT twin:80 HTTP/1.1\r\nHost: twin:80\r\n\r\n')
    await caller.match(/ 200 [^\r]*\r\n\r\n/)
    caller.send('?')
    await until(() => told(caller).length === 1)
    caller.socket.destroy()
    return told(caller)
  }
  const seen = new Set<string>()
  for (let i = 0; i < 40; i++) seen.add(await say())
  expect([...seen].sort()).toEqual(['1', '2'])
  await one.close()
  for (let i = 0; i < 10; i++) expect(await say()).toBe('2')
})

test('as many connections of bytes are open to a service as its circuit breaker allows, though they share one of mTLS', async () => {
  const application = await mesh.with(byteApplication(echo))
  const callee = await mesh.sidecar('narrow', { port: application.port, protocol: 'tcp', labels: { app: 'narrow' } })
  const limits = trafficPolicy('narrow', { circuitBreaker: { maxRequests: 3 } })
  const own = await mesh.sidecar('narrow-caller', { resources: [callee.workload, service('narrow', 'tcp'), limits] })
  const open = async (answer: RegExp) => {
    const caller = wire(own.outbound)
    caller.send('CONNECT narrow:80 HTTP/1.1\r\nHost: narrow:80\r\n\r\n')
    await caller.match(answer)
    return caller
  }
  const callers = [await open(/ 200 /), await open(/ 200 /), await open(/ 200 /)]
  await open(/ 503 .*x-selvedge-cause: circuit-open/s)
  for (const caller of callers) {
    caller.send('x')
    await caller.match(/x$/)
  }
  callers[0]?.socket.destroy()
  await until(async () => (await own.endpoints())[0]?.breaker.requests === 2)
  const next = await open(/ 200 /)
  for (const caller of [...callers, next]) caller.socket.destroy()
  await until(async () => (await own.endpoints())[0]?.breaker.requests === 0)
})

function quickBytes(answer: string): Promise<Application> {
  return byteApplication(socket => {
    socket.on('data', () => socket.write(answer))
    socket.on('end', () => socket.end())
  })
}

test('a CONNECT over HTTP/1.1 at the inbound port is refused, whoever asks: [H1-23]', async () => {
  let said = 0
  const plain = await mesh.with(byteApplication(socket => socket.on('data', () => said++)))
  const permissive = await mesh.sidecar('permissive', {
    port: plain.port,
    resources: [
      {
        apiVersion: 'selvedge.dev/v1',
        kind: 'MeshPolicy',
        metadata: { name: 'default', namespace: 'shop' },
        spec: { mtls: 'permissive' },
      },
    ],
  })
  const caller = wire(permissive.inbound)
  caller.send(`CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n`)
  await caller.match(/^HTTP\/1\.1 405 /)
  expect(await caller.ended()).toBe('end')
  expect(said).toBe(0)
})

test('a CONNECT over HTTP/2 to a port that is declared to speak HTTP is refused: it would go round routes and policies', async () => {
  let said = 0
  const application = await mesh.with(byteApplication(socket => socket.on('data', () => said++)))
  const own = await mesh.sidecar('declared-caller', {
    resources: [
      workload('declared-http', { labels: { app: 'declared-http' }, port: application.port }),
      service('declared-http', 'http'),
    ],
  })
  const session = connectHttp2(`http://127.0.0.1:${own.outbound}`)
  const stream = session.request({ ':method': 'CONNECT', ':authority': 'declared-http:80' })
  stream.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const [head] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>]
  expect(head).toMatchObject({ ':status': 502, 'x-selvedge-cause': 'unsupported-protocol' })
  session.destroy()
  expect(said).toBe(0)
})

test('[AUTHZ-9] a request that is hidden among bytes, and says who calls, never reaches an application that would take it for one', async () => {
  let heard = ''
  const application = await mesh.with(byteApplication(socket => socket.on('data', chunk => (heard += String(chunk)))))
  const callee = await mesh.sidecar('lenient', {
    port: application.port,
    protocol: 'detect',
    labels: { app: 'lenient' },
  })
  const own = await mesh.sidecar('hider', { resources: [callee.workload, service('lenient')] })
  const session = connectHttp2(`http://127.0.0.1:${own.outbound}`)
  const stream = session.request({ ':method': 'CONNECT', ':authority': 'lenient:80' })
  const ended = new Promise<void>(resolve => void stream.once('error', () => resolve()).once('close', () => resolve()))
  await once(stream, 'response')
  stream.write('\r\n\r\nGET / HT')
  stream.write('TP/1.1\r\nHost: x\r\nx-selvedge-caller: spiffe://evil\r\n\r\n')
  await ended
  session.destroy()
  expect(heard).not.toContain('spiffe')
  expect(heard.trimStart()).not.toContain('\n')
})
