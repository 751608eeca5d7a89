import type { IncomingMessage } from 'node:http'
import { createServer as createHttp1 } from 'node:http'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer as createHttp2,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wire } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { type Resource, service, workload } from '../../in-process/resources.ts'

// WebSocket, which HTTP/1.1 begins with an Upgrade (RFC 6455, 4) and HTTP/2 with an extended CONNECT (RFC 8441), from either to either.

let mesh: Mesh
let web: SidecarUnderTest
let session: ClientHttp2Session
/** What the applications have seen of openings, and the ends of tunnels. */
const opened: { readonly key: string; readonly path: string }[] = []
let closed = 0

/** The key and what it is answered with, of RFC 6455, 1.3. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

beforeAll(async () => {
  mesh = startMesh()
  const ports = { 1: await mesh.with(startHttp1()), 2: await mesh.with(startHttp2()) }
  const resources: Resource[] = []
  for (const [version, protocol] of [
    [1, 'http'],
    [2, 'http2'],
  ] as const) {
    const { port } = ports[version]
    const labels = { app: `mesh${version}` }
    resources.push((await mesh.sidecar(`mesh${version}`, { port, protocol, labels })).workload)
    resources.push(workload(`plain${version}`, { labels: { app: `plain${version}` }, port, protocol }))
    for (const name of [`mesh${version}`, `plain${version}`]) resources.push(service(name, { app: name }, 80, protocol))
  }
  web = await mesh.sidecar('web', { resources })
  session = connect(`http://127.0.0.1:${web.outbound}`)
  await new Promise(resolve => session.once('remoteSettings', resolve))
})

afterAll(async () => {
  session.destroy()
  await mesh.close()
})

interface Ended {
  readonly port: number
  close(): void
}

async function listening(server: Server): Promise<Ended> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Gives back what comes, in upper case. */
function shout(tunnel: Duplex): void {
  tunnel.on('data', (chunk: Buffer) => void tunnel.write(chunk.toString().toUpperCase()))
  tunnel.on('end', () => tunnel.end())
  tunnel.on('error', () => undefined)
  tunnel.on('close', () => {
    closed++
  })
}

function startHttp1(): Promise<Ended> {
  const server = createHttp1((_request, response) => response.end('plain answer'))
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    const { 'sec-websocket-key': key = '', upgrade } = request.headers
    opened.push({ key, path: request.url ?? '' })
    if (request.url === '/no') {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno')
      return
    }
    if (request.url === '/ordinary') {
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nordinary')
      return
    }
    const accept = key === KEY ? `Sec-WebSocket-Accept: ${ACCEPT}\r\n` : ''
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n${accept}\r\n`)
    shout(socket)
  })
  return listening(server)
}

function startHttp2(): Promise<Ended> {
  const server = createHttp2({ settings: { enableConnectProtocol: true } })
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    opened.push({ key: '', path: String(headers[':path']) })
    if (headers[':path'] === '/no') {
      stream.respond({ ':status': 403 })
      stream.end('no')
      return
    }
    stream.respond({ ':status': 200 })
    shout(stream)
  })
  return listening(server as unknown as Server)
}

/** What HTTP/2 was answered, and what came through. */
interface Tunnel {
  readonly stream: ClientHttp2Stream
  readonly status: number
  readonly fields: Readonly<Record<string, unknown>>
  received(): string
}

function extendedConnect(authority: string, path: string): Promise<Tunnel> {
  const stream = session.request(
    { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': path, ':authority': authority },
    { endStream: false },
  )
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    stream.on('error', reject)
    stream.on('response', fields =>
      resolve({ stream, status: Number(fields[':status']), fields, received: () => text }),
    )
  })
}

describe.each(['mesh1', 'plain1', 'mesh2', 'plain2'])('[H1-22] a WebSocket of HTTP/2 (RFC 8441) to %s', authority => {
  test('carries bytes both ways, and ends in order', async () => {
    const before = { opened: opened.length, closed }
    const tunnel = await extendedConnect(authority, '/chat')
    expect(tunnel.status).toBe(200)
    expect(opened.slice(before.opened)).toMatchObject([{ path: '/chat' }])
    // Who is spoken to in HTTP/1.1 wants a key, which RFC 8441 does without.
    if (authority.endsWith('1')) expect(Buffer.from(opened.at(-1)!.key, 'base64')).toHaveLength(16)
    for (const word of ['one ', 'two ', 'three']) {
      const sofar = tunnel.received()
      tunnel.stream.write(word)
      await until(() => tunnel.received() === sofar + word.toUpperCase())
    }
    tunnel.stream.end()
    await until(() => tunnel.stream.closed)
    await until(() => closed === before.closed + 1)
  })

  test('that the application declines is an answer', async () => {
    const tunnel = await extendedConnect(authority, '/no')
    expect(tunnel.status).toBe(403)
    await until(() => tunnel.received() === 'no')
  })

  test('whose caller is gone is broken off at the application', async () => {
    const before = closed
    const tunnel = await extendedConnect(authority, '/chat')
    tunnel.stream.on('error', () => undefined)
    tunnel.stream.close(8)
    await until(() => closed === before + 1)
  })
})

test('an ordinary answer to the opening is none that a tunnel could begin with: for HTTP/2 it is no 2xx', async () => {
  for (const authority of ['mesh1', 'plain1']) {
    const tunnel = await extendedConnect(authority, '/ordinary')
    expect(tunnel.status).toBe(501)
    await until(() => tunnel.received() === 'ordinary')
    expect(Object.keys(tunnel.fields).filter(name => name.startsWith('x-selvedge'))).toEqual([])
  }
})

describe.each(['mesh1', 'plain1'])('[H1-22] a WebSocket of HTTP/1.1 to %s', authority => {
  const open = (path: string) => {
    const caller = wire(web.outbound)
    const hop = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n`
    caller.send(`GET ${path} HTTP/1.1\r\nHost: ${authority}\r\n${hop}\r\n`)
    return caller
  }

  test('is answered as its key asks for, and carries bytes both ways', async () => {
    const caller = open('/chat')
    await caller.match(/^HTTP\/1\.1 101 .*\r\n\r\n$/s)
    expect(caller.received.match(/sec-websocket-accept: [^\r]*/gi)).toHaveLength(1)
    expect(caller.received).toContain(`: ${ACCEPT}\r\n`)
    caller.send('hello')
    await caller.match(/HELLO$/)
    caller.socket.end()
    expect(await caller.ended()).toBe('end')
  })

  test.each([
    ['/no', /^HTTP\/1\.1 403 .*\r\n\r\nno$/s],
    ['/ordinary', /^HTTP\/1\.1 200 .*\r\n\r\nordinary$/s],
  ])('is declined at %s as the application says it', async (path, answer) => {
    const caller = open(path)
    await caller.match(answer)
    expect(caller.received).not.toMatch(/x-selvedge/i)
    caller.socket.destroy()
  })
})
