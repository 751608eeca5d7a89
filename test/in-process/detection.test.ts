import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Application, byteApplication, echoApplication, httpApplication } from '../fakes/application.ts'
import { type Wire, wire } from './client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { type Resource, workload } from './resources.ts'

// What is spoken behind a CONNECT to a service is found out from its first bytes: DESIGN, sections 3 and 7.

let mesh: Mesh
let web: SidecarUnderTest
let http: Application
let bytes: Application
let greeter: Application
let silent: Application
/** What `bytes` is told. */
let heard: string

beforeAll(async () => {
  mesh = startMesh()
  http = await mesh.with(echoApplication('http'))
  bytes = await mesh.with(byteApplication(shout))
  greeter = await mesh.with(byteApplication(greet))
  silent = await mesh.with(byteApplication(socket => socket.resume().on('end', () => socket.end())))
  const resources = [
    ...service('http', http.port),
    ...service('bytes', bytes.port),
    ...service('greeter', greeter.port),
    ...service('declared-http', http.port, 'http'),
    ...service('gone', CLOSED),
    ...service('declared-gone', CLOSED, 'tcp'),
  ]
  web = await mesh.sidecar('web', { resources })
})
afterAll(() => mesh.close())

/** Says what it is told in capitals, and goodbye. */
function shout(socket: Socket): void {
  socket.on('data', chunk => {
    heard += chunk.toString('latin1')
    socket.write(chunk.toString('latin1').toUpperCase(), 'latin1')
  })
  socket.on('end', () => socket.end('BYE'))
}

/** Speaks first, as MySQL and SMTP do. */
function greet(socket: Socket): void {
  socket.write('220 hello\r\n')
  socket.on('data', chunk => socket.write(`250 ${chunk.toString('latin1')}`))
  socket.on('end', () => socket.end('221 bye\r\n'))
}

function service(name: string, port: number, appProtocol?: string): Resource[] {
  const spec = { selector: { app: name }, ports: [{ port: 80, targetPort: 'http', appProtocol }] }
  return [
    workload(name, { labels: { app: name }, port }),
    { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec },
  ]
}

/** Nobody listens there. */
const CLOSED = 1

async function connect(name: string, halfOpen = false, by = web): Promise<Wire> {
  heard = ''
  const caller = wire(by.outbound, halfOpen)
  caller.send(`CONNECT ${name}:80 HTTP/1.1\r\nHost: ${name}:80\r\n\r\n`)
  await caller.match(/^HTTP\/1\.1 200 [^\r]*\r\n\r\n/)
  return caller
}

/** A sidecar of which nothing has been asked yet: what its pages don't say has not happened. */
function fresh(...resources: Resource[]): Promise<SidecarUnderTest> {
  return mesh.sidecar(`web-${++fresh.count}`, { resources })
}
fresh.count = 0

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

describe('the first bytes of a caller decide', () => {
  test.each([
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['Redis', '*1\r\n$4\r\nping\r\n'],
    ['bytes of no kind', '\x00\x01\x02'],
    ['text that is not HTTP', 'ehlo there\r\n'],
  ])('%s passes as it is, both ways', async (_, opening) => {
    const caller = await connect('bytes')
    caller.send(Buffer.from(opening, 'latin1'))
    await until(() => caller.received.endsWith(opening.toUpperCase()))
    caller.socket.end()
    await caller.match(/BYE$/)
    expect(await caller.ended()).toBe('end')
    expect(heard).toBe(opening)
  })

  test('HTTP/1.1 is routed as HTTP, though it comes byte by byte, and each pause is longer than the wait for a server', async () => {
    const opened = http.open
    const caller = await connect('http')
    for (const byte of 'GET /') {
      caller.send(byte)
      await pause(60)
    }
    caller.send('slow HTTP/1.1\r\nHost: http\r\n\r\n')
    await caller.match(/"url":"\/slow"/)
    caller.socket.destroy()
    await until(() => http.open <= opened + 1)
  })

  test('what could be HTTP, and stops in its first word, is bytes', async () => {
    const caller = await connect('bytes')
    caller.send('hello')
    await caller.match(/HELLO$/)
    caller.socket.end()
    await caller.match(/BYE$/)
  })

  test('a caller that ends its half within a word has said it all', async () => {
    const caller = await connect('bytes', true)
    caller.socket.end('hi')
    await caller.match(/HIBYE$/)
    expect(heard).toBe('hi')
  })

  test('a caller that says nothing and ends its half still hears its server', async () => {
    const caller = await connect('greeter', true)
    caller.socket.end()
    await caller.match(/220 hello\r\n221 bye\r\n$/)
    expect(await caller.ended()).toBe('end')
  })

  test('a megabyte behind the first bytes, in one piece, comes whole', async () => {
    const caller = await connect('bytes')
    const body = `\0${'x'.repeat(1_000_000)}`
    caller.send(Buffer.from(body, 'latin1'))
    await until(() => caller.received.length >= body.length + 39)
    expect(heard.length).toBe(body.length)
    expect(caller.received.endsWith('X'.repeat(1_000_000))).toBe(true)
    caller.socket.destroy()
  })
})

describe('a server that speaks first', () => {
  test('is waited for only the first time, and remembered', async () => {
    const times: number[] = []
    for (let i = 0; i < 5; i++) {
      const start = performance.now()
      const caller = await connect('greeter')
      await caller.match(/220 hello\r\n$/)
      times.push(performance.now() - start)
      caller.send('noop')
      await caller.match(/250 noop$/)
      caller.socket.destroy()
    }
    // Timers may be a millisecond early; and who is late once, on a busy machine, is not late each time.
    expect(times[0]).toBeGreaterThan(48)
    expect(Math.min(...times.slice(1))).toBeLessThan(48)
  })

  test('and one of whom it is declared needs no first time', async () => {
    const own = await fresh(...service('declared-greeter', greeter.port, 'mysql'))
    const times: number[] = []
    for (let i = 0; i < 5; i++) {
      const start = performance.now()
      const caller = await connect('declared-greeter', false, own)
      await caller.match(/220 hello\r\n$/)
      times.push(performance.now() - start)
      caller.socket.destroy()
    }
    expect(Math.min(...times)).toBeLessThan(48)
    expect(await own.page('/metrics')).not.toContain('selvedge_detection_total{')
  })
})

describe('a client that connects ahead of time', () => {
  test('and speaks HTTP later is routed as HTTP; what was connected for it on trial is closed', async () => {
    const own = await fresh(...service('http', http.port))
    const caller = await connect('http', false, own)
    await until(() => http.open > 0)
    await pause(100)
    caller.send('GET /later HTTP/1.1\r\nHost: http\r\n\r\n')
    await caller.match(/"url":"\/later"/)
    expect(await own.page('/metrics')).not.toMatch(/result="(opaque|server-first)"/)
    // The request went by a connection of its own, and its destination is not taken for anything else.
    await until(() => http.open === 1)
    const next = await connect('http', false, own)
    next.send('GET /next HTTP/1.1\r\nHost: http\r\n\r\n')
    await next.match(/"url":"\/next"/)
    for (const each of [caller, next]) each.socket.destroy()
  })

  test('to a server of HTTP that tires of waiting is not taken for a client of anything else', async () => {
    const impatient = await mesh.with(
      byteApplication(socket => {
        const timer = setTimeout(() => socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'), 30)
        socket.once('data', () => {
          clearTimeout(timer)
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok')
        })
      }),
    )
    const own = await mesh.sidecar('web-impatient', { resources: service('impatient', impatient.port) })
    for (let i = 0; i < 2; i++) {
      const caller = wire(own.outbound)
      caller.send('CONNECT impatient:80 HTTP/1.1\r\nHost: impatient:80\r\n\r\n')
      await caller.match(/ 200 [^\r]*\r\n\r\n/)
      await pause(150)
      expect(caller.received).not.toContain('408')
      caller.send('GET / HTTP/1.1\r\nHost: impatient\r\n\r\n')
      await caller.match(/ok$/)
      caller.socket.destroy()
    }
    expect(await own.page('/metrics')).not.toContain('result="server-first"')
  })

  test('and never says anything is nobody yet, and is nothing in the end', async () => {
    const own = await fresh(...service('silent', silent.port))
    const caller = await connect('silent', false, own)
    await until(() => silent.open === 1)
    await pause(50)
    expect(caller.closed).toBe('no')
    caller.socket.destroy()
    await until(() => silent.open === 0)
    // Its end is heard in the same turn as the server's.
    const metrics = await own.page('/metrics')
    expect(metrics).toContain('selvedge_detection_total{result="undecided"} 1')
    expect(metrics).not.toContain('result="opaque"')
  })
})

test('what was found is counted', async () => {
  const own = await fresh(
    ...service('bytes', bytes.port),
    ...service('http', http.port),
    ...service('greeter', greeter.port),
  )
  const callers: Wire[] = []
  for (const [name, opening, answer] of [
    ['bytes', '\x16\x03\x01', /\x16\x03\x01$/],
    ['bytes', '\x00\x01', /\x00\x01$/],
    ['bytes', 'ehlo there\r\n', /EHLO THERE\r\n$/],
    ['http', 'GET / HTTP/1.1\r\nHost: http\r\n\r\n', /"url":"\/"/],
    ['http', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', /\x04\x01\0\0\0\0$/],
    ['greeter', '', /220 hello\r\n$/],
  ] as const) {
    const caller = await connect(name, false, own)
    if (opening !== '') caller.send(Buffer.from(opening, 'latin1'))
    await caller.match(answer)
    callers.push(caller)
  }
  const metrics = await own.page('/metrics')
  for (const [result, count] of [
    ['tls', 1],
    ['opaque', 2],
    ['http1', 1],
    ['http2', 1],
    ['server-first', 1],
  ] as const) {
    expect(metrics).toContain(`selvedge_detection_total{result="${result}"} ${count}\n`)
  }
  for (const { socket } of callers) socket.destroy()
})

describe('what is declared is believed', () => {
  test('a port of bytes gets HTTP as it is', async () => {
    const own = await fresh(...service('declared', bytes.port, 'redis'))
    const caller = await connect('declared', false, own)
    caller.send('get / http/1.1\r\nhost: x\r\n\r\n')
    await caller.match(/GET \/ HTTP\/1\.1\r\nHOST: X\r\n\r\n$/)
    expect(await own.page('/metrics')).not.toContain('selvedge_detection_total{')
    caller.socket.destroy()
  })

  test('a port of HTTP never gets anything else', async () => {
    const before = http.seen
    for (const opening of ['\x16\x03\x01\x02\x00\x01', '\x00\x01\x02', 'EHLO there\r\n\r\n']) {
      const caller = await connect('declared-http')
      caller.send(Buffer.from(opening, 'latin1'))
      expect(await caller.ended()).toBe('end')
    }
    expect(http.seen).toBe(before)
  })

  test('a port of bytes that nobody listens at is told in words, before there is a tunnel', async () => {
    const caller = wire(web.outbound)
    caller.send('CONNECT declared-gone:80 HTTP/1.1\r\nHost: declared-gone:80\r\n\r\n')
    await caller.match(/^HTTP\/1\.1 503 .*x-selvedge-cause: connect-failed/s)
    caller.socket.destroy()
  })
})

describe('where nobody listens', () => {
  test('bytes are broken off', async () => {
    const caller = await connect('gone')
    caller.send('\x00\x01')
    expect(await caller.ended()).toBe('reset')
  })

  test('HTTP is told in words, however late it comes', async () => {
    const caller = await connect('gone')
    await pause(200)
    caller.send('GET / HTTP/1.1\r\nHost: gone\r\n\r\n')
    await caller.match(/HTTP\/1\.1 503 .*x-selvedge-cause: connect-failed/s)
    caller.socket.destroy()
  })

  test('a caller who waits for its server is ended in the end', async () => {
    const caller = await connect('gone')
    expect(await caller.ended()).toBe('reset')
  })
})

test('a tunnel is one exchange of TCP: its bytes both ways, and one line in the log when it is over', async () => {
  const own = await mesh.sidecar('web-logged', {
    resources: service('counted', bytes.port),
    config: { accessLog: true },
  })
  const caller = wire(own.outbound)
  caller.send('CONNECT counted:80 HTTP/1.1\r\nHost: counted:80\r\n\r\n')
  await caller.match(/ 200 [^\r]*\r\n\r\n/)
  caller.send('\0'.repeat(1000))
  await until(() => caller.received.endsWith('\0'.repeat(1000)))
  const lines = () => own.log().filter(line => line.msg === 'exchange' && line.destination === 'shop/counted')
  await pause(30)
  expect(lines()).toEqual([])
  caller.socket.end()
  await caller.ended()
  await until(() => lines().length === 1)
  expect(lines()[0]).toMatchObject({
    ...{ direction: 'outbound', method: 'CONNECT', authority: 'counted:80', status: 200, attempts: 1 },
    ...{ requestBytes: 1000, answerBytes: 1003 },
  })
  const metrics = await own.page('/metrics')
  expect(metrics).toMatch(
    /selvedge_requests_total\{[^}]*destination="shop\/counted"[^}]*protocol="tcp"[^}]*code="200"[^}]*\} 1/,
  )
  expect(metrics).toContain(
    'selvedge_bytes_total{direction="outbound",source="shop/web-logged",destination="shop/counted",kind="answer"} 1003',
  )
})

test('an application that is broken off breaks its callers off, and the other way round', async () => {
  const fragile = await mesh.with(
    byteApplication(socket => socket.on('data', chunk => chunk[0] === 1 && socket.resetAndDestroy())),
  )
  const own = await mesh.sidecar('web-fragile', { resources: service('fragile', fragile.port) })
  const open = async () => {
    const caller = wire(own.outbound)
    caller.send('CONNECT fragile:80 HTTP/1.1\r\nHost: fragile:80\r\n\r\n')
    await caller.match(/ 200 [^\r]*\r\n\r\n/)
    return caller
  }
  const broken = await open()
  broken.send('\x01')
  expect(await broken.ended()).toBe('reset')
  const breaking = await open()
  breaking.send('\x00')
  await until(() => fragile.open === 1)
  breaking.socket.resetAndDestroy()
  await until(() => fragile.open === 0)
  await until(async () => (await own.endpoints()).every(({ breaker }) => breaker.requests + breaker.connections === 0))
})

test('a server of HTTP keeps its own answers: what a trial has connected is never a request', async () => {
  let requests = 0
  const watched = await mesh.with(
    httpApplication((_request, response) => {
      requests++
      response.end('ok')
    }),
  )
  const own = await mesh.sidecar('web-watched', { resources: service('watched', watched.port) })
  const callers = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const caller = wire(own.outbound)
      caller.send('CONNECT watched:80 HTTP/1.1\r\nHost: watched:80\r\n\r\n')
      await caller.match(/ 200 [^\r]*\r\n\r\n/)
      return caller
    }),
  )
  await until(() => watched.open === 10)
  for (const caller of callers) caller.send('GET / HTTP/1.1\r\nHost: watched\r\n\r\n')
  for (const caller of callers) await caller.match(/ok$|ok\r\n/)
  expect(requests).toBe(10)
  for (const caller of callers) caller.socket.destroy()
})
