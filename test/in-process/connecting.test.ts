import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { peerOptions } from '../conformance/h1/peer.ts'
import { type Application, httpApplication } from '../fakes/application.ts'
import { ask } from './client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { service, workload } from './resources.ts'

// Requests that wait for a connection, and connections that are slow to be made.

let mesh: Mesh
let catalog: Application
let web: SidecarUnderTest
/** Before an endpoint of the mesh that has not agreed on HTTP/2: a connection to it carries one request at a time. */
let gate: Gate
/** Before a sidecar: a connection to it carries many. */
let wide: Gate
const open: (() => void)[] = []

beforeAll(async () => {
  mesh = startMesh()
  catalog = await mesh.with(
    httpApplication((request, response) => {
      const answer = (): void => void response.writeHead(200, { 'content-length': 2 }).end('ok')
      if (request.url === '/held') open.push(answer)
      else answer()
    }),
  )
  const callee = await mesh.sidecar('catalog', { port: catalog.port, labels: { app: 'catalog' } })
  gate = await startGate((await mesh.with(startWithoutAlpn(mesh.caDir, catalog.port))).port)
  wide = await startGate(callee.inbound)
  const behind = (name: string, { port }: Gate) =>
    workload(name, { labels: { app: name }, port: catalog.port, inboundPort: port, serviceAccount: 'catalog' })
  web = await mesh.sidecar('web', {
    resources: [
      ...[behind('catalog', gate), service('catalog', { app: 'catalog' })],
      ...[behind('shared', wide), service('shared', { app: 'shared' })],
    ],
  })
})
afterAll(async () => {
  gate.close()
  wide.close()
  await mesh.close()
})

interface Gate {
  readonly port: number
  /** New connections are taken, and nothing goes through them. */
  shut: boolean
  /** Those that wait at the gate. */
  readonly held: readonly Socket[]
  /** Lets them through. */
  release(): void
  close(): void
}

/** Stands before a sidecar: what it lets through passes as it is. */
async function startGate(to: number): Promise<Gate> {
  const held: Socket[] = []
  const sockets = new Set<Socket>()
  const pass = (socket: Socket): void => {
    const far = connect({ host: '127.0.0.1', port: to, noDelay: true })
    for (const each of [socket, far]) {
      sockets.add(each)
      each.on('error', () => undefined)
      each.on('close', () => [socket, far].map(other => other.destroy()))
    }
    socket.pipe(far)
    far.pipe(socket)
  }
  const gate: Gate & { port: number } = {
    port: 0,
    shut: false,
    held,
    release: () => held.splice(0).forEach(pass),
    close() {
      server.close()
      for (const socket of [...sockets, ...held]) socket.destroy()
    },
  }
  const server: Server = createServer(socket => {
    socket.on('error', () => undefined)
    if (gate.shut) held.push(socket)
    else pass(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  gate.port = typeof address === 'object' && address !== null ? address.port : 0
  return gate
}

/** What carries requests for the mesh's identity, and knows nothing but HTTP/1.1. */
async function startWithoutAlpn(caDir: string, to: number): Promise<{ readonly port: number; close(): void }> {
  const { ca, cert, key } = peerOptions(caDir, 'catalog')
  const sockets = new Set<Socket>()
  const server = createTlsServer({ ca, cert, key, requestCert: true }, socket => {
    const far = connect({ host: '127.0.0.1', port: to, noDelay: true })
    for (const each of [socket, far]) {
      sockets.add(each)
      each.on('error', () => undefined)
      each.on('close', () => [socket, far].map(other => other.destroy()))
    }
    socket.pipe(far)
    far.pipe(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

const connectionsTo = async (name: string): Promise<number | undefined> =>
  (await web.endpoints()).find(({ destination }) => destination === `shop/${name}`)?.endpoints[0]?.connections

test('requests that come while a connection to a sidecar is made all wait for that one, and are served over it', async () => {
  wide.shut = true
  const asked = Array.from({ length: 20 }, () => ask(web.outbound, 'http://shared/'))
  await until(() => wide.held.length === 1)
  await until(async () => (await web.endpoints()).some(({ breaker }) => breaker.requests === 20))
  wide.shut = false
  wide.release()
  expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set([200]))
  expect(await connectionsTo('shared')).toBe(1)
})

test('a connection to a sidecar carries requests in any order, and one that waits holds up no other', async () => {
  const held = ask(web.outbound, 'http://shared/held')
  await until(() => open.length === 1)
  for (let n = 0; n < 3; n++) expect((await ask(web.outbound, 'http://shared/')).status).toBe(200)
  open.pop()?.()
  expect((await held).status).toBe(200)
  expect(await connectionsTo('shared')).toBe(1)
})

test('a request waits for its own connection no longer than until another is free', async () => {
  const first = ask(web.outbound, 'http://catalog/held')
  await until(() => open.length === 1)
  gate.shut = true
  const second = ask(web.outbound, 'http://catalog/second')
  await until(() => gate.held.length === 1)
  // Its own is stuck in the handshake; the first one's becomes free.
  open.pop()?.()
  expect((await first).status).toBe(200)
  expect((await second).status).toBe(200)
  expect(gate.held).toHaveLength(1)
  // What was made for it is there for the next, once it is.
  gate.shut = false
  gate.release()
  await until(async () => (await connectionsTo('catalog')) === 2)
  const both = [ask(web.outbound, 'http://catalog/held'), ask(web.outbound, 'http://catalog/held')]
  await until(() => open.length === 2)
  for (const answer of open.splice(0)) answer()
  expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200])
  const destination = (await web.endpoints()).find(each => each.destination === 'shop/catalog')
  expect(destination?.endpoints[0]).toMatchObject({ connections: 2, pending: 0 })
  expect(destination?.breaker).toMatchObject({ requests: 0, pending: 0, connections: 2 })
})

test('a connection that is never made fails nobody who has another by then, and is let go', async () => {
  const held = [ask(web.outbound, 'http://catalog/held'), ask(web.outbound, 'http://catalog/held')]
  await until(() => open.length === 2)
  gate.shut = true
  const third = ask(web.outbound, 'http://catalog/third')
  await until(() => gate.held.length === 1)
  for (const answer of open.splice(0)) answer()
  expect((await Promise.all([...held, third])).map(({ status }) => status)).toEqual([200, 200, 200])
  await until(async () => (await connectionsTo('catalog')) === 2)
  gate.shut = false
  expect(await web.page('/metrics')).not.toMatch(/selvedge_attempts_total\{class="connect-failed"\} [1-9]/)
})
