import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Application, byteApplication, type Echo, echoApplication, httpApplication } from '../fakes/application.ts'
import { ask, wire } from './client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { meshPolicy, type Resource, service, workload } from './resources.ts'

// The outbound port as an HTTP proxy: DESIGN, section 3.

let mesh: Mesh
let catalog: Application
let outside: Application
let web: SidecarUnderTest
let resources: readonly Resource[]

beforeAll(async () => {
  mesh = startMesh()
  catalog = await mesh.with(echoApplication('catalog'))
  outside = await mesh.with(echoApplication('outside'))
  const callee = await mesh.sidecar('catalog', { port: catalog.port, labels: { app: 'catalog' } })
  resources = [
    callee.workload,
    service('catalog', { app: 'catalog' }),
    service('books', { app: 'catalog' }, 8080),
    service('empty', { app: 'nothing' }),
    workload('plain', { labels: { app: 'plain' }, port: outside.port }),
    service('plain', { app: 'plain' }),
  ]
  web = await mesh.sidecar('web', { resources })
})
afterAll(() => mesh.close())

function echo(body: string): Echo {
  return JSON.parse(body) as Echo
}

describe('a request reaches a service', () => {
  test.each([
    'http://catalog/x',
    'http://catalog:80/x',
    'http://CATALOG/x',
    'http://catalog./x',
    'http://catalog.shop/x',
    'http://catalog.shop.svc/x',
    'http://catalog.shop.svc.cluster.local/x',
    'http://catalog.shop.svc.cluster.local.:80/x',
    // The only port that the Service has, where none is said.
    'http://books/x',
    'http://books:8080/x',
  ])('in absolute form: %s', async url => {
    const answer = await ask(web.outbound, url)
    expect(answer.status).toBe(200)
    expect(echo(answer.body)).toMatchObject({ name: 'catalog', url: '/x' })
  })

  test.each(['catalog', 'catalog:80', 'Catalog.Shop.svc', 'books'])('in origin form, by Host: %s', async host => {
    const answer = await ask(web.outbound, '/y?z=1', { headers: { host } })
    expect(echo(answer.body)).toMatchObject({ name: 'catalog', url: '/y?z=1', headers: { host } })
  })

  test('by CONNECT, and requests inside it, several on one connection', async () => {
    const caller = wire(web.outbound)
    caller.send('CONNECT catalog:80 HTTP/1.1\r\nHost: catalog:80\r\n\r\n')
    await caller.match(/^HTTP\/1\.1 200 [^\r]*\r\n\r\n$/)
    caller.send('GET /one HTTP/1.1\r\nHost: catalog\r\n\r\n')
    await caller.match(/"url":"\/one"/)
    caller.send('GET /two HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n')
    await caller.match(/"url":"\/two"/)
    expect(await caller.ended()).toBe('end')
  })

  test('by CONNECT, where the first bytes come one by one', async () => {
    const caller = wire(web.outbound)
    caller.send('CONNECT catalog.shop:80 HTTP/1.1\r\nHost: catalog.shop:80\r\n\r\n')
    await caller.match(/ 200 /)
    for (const byte of 'GET /slow HTTP/1.1\r\nHost: catalog\r\n\r\n') {
      await new Promise(resolve => caller.socket.write(byte, resolve))
    }
    await caller.match(/"url":"\/slow"/)
    caller.socket.destroy()
  })

  test('that has no sidecar, in plaintext', async () => {
    const answer = await ask(web.outbound, 'http://plain/x')
    expect(echo(answer.body)).toMatchObject({ name: 'outside', url: '/x' })
  })

  test('from an HTTP/1.0 caller, with or without Host', async () => {
    for (const head of ['GET http://catalog/ten HTTP/1.0\r\n\r\n', 'GET /ten HTTP/1.0\r\nHost: catalog\r\n\r\n']) {
      const caller = wire(web.outbound)
      caller.send(head)
      await caller.match(/^HTTP\/1\.1 200 .*"url":"\/ten"/s)
      expect(await caller.ended()).toBe('end')
      expect(caller.received.toLowerCase()).not.toContain('transfer-encoding')
    }
  })

  test('a service may call itself, through its own sidecar twice', async () => {
    const own = await mesh.with(echoApplication('own'))
    const sidecar = await mesh.sidecar('own', { port: own.port })
    const inMesh = { ...sidecar.workload, metadata: { name: 'own-2', namespace: 'shop', labels: { app: 'own' } } }
    await sidecar.edit(inMesh, service('own', { app: 'own' }))
    const { body } = await ask(sidecar.outbound, 'http://own/me')
    expect(echo(body)).toMatchObject({ name: 'own', url: '/me' })
    expect(echo(body).headers['x-selvedge-caller']).toBe('spiffe://mesh.test/ns/shop/sa/own')
  })

  test('answers without a body leave their connections in order', async () => {
    const bare = await mesh.with(
      httpApplication((request, response) => {
        if (request.method === 'HEAD') response.writeHead(200, { 'content-length': 1000 }).end()
        else response.writeHead(request.url === '/204' ? 204 : 304).end()
      }),
    )
    const sidecar = await mesh.sidecar('bare', { port: bare.port, labels: { app: 'bare' } })
    const caller = await mesh.sidecar('web-2', { resources: [sidecar.workload, service('bare', { app: 'bare' })] })
    const line = wire(caller.outbound)
    for (const [start, status] of [
      ['HEAD /', 200],
      ['GET /204', 204],
      ['GET /304', 304],
      ['HEAD /', 200],
    ] as const) {
      const before = line.received.length
      line.send(`${start} HTTP/1.1\r\nHost: bare\r\n\r\n`)
      await until(() => line.received.slice(before).endsWith('\r\n\r\n'))
      expect(line.received.slice(before)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    }
    expect(line.received.match(/content-length: 1000/g)).toHaveLength(2)
    line.socket.destroy()
    const [view] = await caller.endpoints()
    expect(view?.breaker.connections).toBe(1)
  })

  test('pipelined requests are answered in order', async () => {
    const caller = wire(web.outbound)
    const one = (n: number) => `GET /${n} HTTP/1.1\r\nHost: ${n % 2 === 0 ? 'catalog' : 'plain'}\r\n\r\n`
    caller.send(Array.from({ length: 20 }, (_, n) => one(n)).join(''))
    await caller.match(/"url":"\/19"/)
    const order = [...caller.received.matchAll(/"url":"\/([0-9]+)"/g)].map(found => Number(found[1]))
    expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n))
    caller.socket.destroy()
  })
})

describe('a request is refused with its cause', () => {
  test('for a port that the service does not have', async () => {
    const answer = await ask(web.outbound, 'http://catalog:81/')
    expect(answer).toMatchObject({ status: 502, headers: { 'x-selvedge-cause': 'unknown-destination' } })
    expect(answer.body).toContain('shop/catalog has no port 81')
  })

  test('for a service without endpoints', async () => {
    const answer = await ask(web.outbound, 'http://empty/')
    expect(answer).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'no-healthy-endpoint' } })
  })

  test.each(['127.0.0.1', 'localhost', '0.0.0.0', '127.1', '0', '[::ffff:127.0.0.1]'])(
    'for the sidecar itself, called %s, instead of going round in circles',
    async host => {
      for (const port of [web.outbound, web.metrics]) {
        const answer = await ask(web.outbound, '/', { headers: { host: `${host}:${port}` } })
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(answer.headers['x-selvedge-cause']).toBeDefined()
        expect(answer.body).toContain('this sidecar itself')
      }
    },
  )

  test('for a CONNECT to the sidecar itself', async () => {
    for (const host of ['127.0.0.1', '127.1']) {
      const caller = wire(web.outbound)
      caller.send(`CONNECT ${host}:${web.outbound} HTTP/1.1\r\nHost: ${host}:${web.outbound}\r\n\r\n`)
      await caller.match(/^HTTP\/1\.1 [45][0-9]{2} .*this sidecar itself/s)
      caller.socket.destroy()
    }
  })

  test('for what is not HTTP inside a CONNECT to a port of HTTP', async () => {
    const before = catalog.seen
    for (const opening of ['\x16\x03\x01\x02\x00\x01', '\x00\x01\x02', 'EHLO there\r\n\r\n']) {
      const caller = wire(web.outbound)
      caller.send('CONNECT catalog:80 HTTP/1.1\r\nHost: catalog:80\r\n\r\n')
      await caller.match(/ 200 /)
      caller.send(Buffer.from(opening, 'latin1'))
      expect(await caller.ended()).toBe('end')
    }
    expect(catalog.seen).toBe(before)
    expect(await web.page('/metrics')).toContain('selvedge_refusals_total{cause="bad-request"} 3')
  })

  test('for a CONNECT to the metrics and admin ports, which are no proxies', async () => {
    const admin = Number(web.sidecar.addresses.admin.split(':')[1])
    for (const port of [web.metrics, admin]) {
      for (const target of ['catalog:80', `127.0.0.1:${outside.port}`]) {
        const caller = wire(port)
        caller.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
        await caller.match(/^HTTP\/1\.1 405 /)
        expect(await caller.ended()).toBe('end')
      }
    }
  })
})

describe('a destination outside the mesh', () => {
  test('is passed through, with the request as it was', async () => {
    const answer = await ask(web.outbound, `http://127.0.0.1:${outside.port}/a%2Fb?c=%20`, {
      method: 'POST',
      headers: { 'X-Mine': 'kept' },
      body: 'some body',
    })
    expect(answer.status).toBe(200)
    expect(answer.headers['x-selvedge-cause']).toBeUndefined()
    expect(echo(answer.body)).toMatchObject({
      name: 'outside',
      method: 'POST',
      url: '/a%2Fb?c=%20',
      headers: { 'x-mine': 'kept' },
      body: 'some body',
    })
  })

  test('gets the bytes of a CONNECT as they are, both ways, with each half closed in its turn', async () => {
    const upper = await mesh.with(
      byteApplication(socket => {
        socket.write('who?\n')
        socket.on('data', chunk => socket.write(chunk.toString('latin1').toUpperCase(), 'latin1'))
        socket.on('end', () => socket.end('BYE\n'))
      }),
    )
    const caller = wire(web.outbound)
    caller.send(`CONNECT 127.0.0.1:${upper.port} HTTP/1.1\r\nHost: 127.0.0.1:${upper.port}\r\n\r\n`)
    await caller.match(/ 200 .*who\?\n/s)
    caller.send(Buffer.from([0x16, 0x61, 0x0a]))
    await caller.match(/\x16A\n/)
    caller.socket.end()
    await caller.match(/BYE\n$/)
    expect(await caller.ended()).toBe('end')
    await until(() => upper.open === 0)
  })

  test('that ends its half of a CONNECT first still hears the rest of the caller', async () => {
    let heard = ''
    const listener = await mesh.with(
      byteApplication(socket => {
        socket.end('speak\n')
        socket.on('data', chunk => {
          heard += chunk.toString('latin1')
        })
      }),
    )
    const caller = wire(web.outbound, true)
    caller.send(`CONNECT 127.0.0.1:${listener.port} HTTP/1.1\r\nHost: 127.0.0.1:${listener.port}\r\n\r\n`)
    await caller.match(/speak\n/)
    expect(await caller.ended()).toBe('end')
    caller.socket.end('heard you')
    await until(() => heard === 'heard you')
  })

  test('that breaks a CONNECT off breaks the caller off', async () => {
    const breaker = await mesh.with(byteApplication(socket => socket.once('data', () => socket.resetAndDestroy())))
    const caller = wire(web.outbound)
    caller.send(`CONNECT 127.0.0.1:${breaker.port} HTTP/1.1\r\nHost: 127.0.0.1:${breaker.port}\r\n\r\n`)
    await caller.match(/ 200 /)
    caller.send('x')
    expect(await caller.ended()).toBe('reset')
  })

  test('is broken off when the caller breaks a CONNECT off', async () => {
    let ended: boolean | undefined
    const listener = await mesh.with(
      byteApplication(socket => {
        socket.resume()
        socket.on('end', () => {
          ended = true
        })
        socket.on('close', broken => {
          ended ??= !broken
        })
      }),
    )
    const caller = wire(web.outbound)
    caller.send(`CONNECT 127.0.0.1:${listener.port} HTTP/1.1\r\nHost: 127.0.0.1:${listener.port}\r\n\r\n`)
    await caller.match(/ 200 /)
    caller.socket.resetAndDestroy()
    await until(() => ended !== undefined)
    expect(ended).toBe(false)
  })

  test('that refuses connections is a connect failure, by request and by CONNECT', async () => {
    const gone = await httpApplication(() => undefined)
    await gone.close()
    const answer = await ask(web.outbound, `http://127.0.0.1:${gone.port}/`)
    expect(answer).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'connect-failed' } })
    const caller = wire(web.outbound)
    caller.send(`CONNECT 127.0.0.1:${gone.port} HTTP/1.1\r\nHost: 127.0.0.1:${gone.port}\r\n\r\n`)
    await caller.match(/^HTTP\/1\.1 503 .*x-selvedge-cause: connect-failed/s)
    caller.socket.destroy()
  })

  test('is refused where MeshPolicy says so, and services go on', async () => {
    await web.edit(...resources, meshPolicy({ unknownDestinations: 'refuse' }))
    const before = outside.seen
    const answer = await ask(web.outbound, `http://127.0.0.1:${outside.port}/`)
    expect(answer).toMatchObject({ status: 502, headers: { 'x-selvedge-cause': 'unknown-destination' } })
    const caller = wire(web.outbound)
    caller.send(`CONNECT 127.0.0.1:${outside.port} HTTP/1.1\r\nHost: 127.0.0.1:${outside.port}\r\n\r\n`)
    await caller.match(/^HTTP\/1\.1 502 .*x-selvedge-cause: unknown-destination/s)
    caller.socket.destroy()
    expect(outside.seen).toBe(before)
    expect((await ask(web.outbound, 'http://catalog/')).status).toBe(200)
    await web.edit(...resources)
    expect((await ask(web.outbound, `http://127.0.0.1:${outside.port}/`)).status).toBe(200)
  })
})
