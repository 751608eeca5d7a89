import type { Socket } from 'node:net'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { byteApplication } from '../../fakes/application.ts'
import { ask, type Wire, wire, wireOver } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { meshPolicy, service } from '../../in-process/resources.ts'
import { peerOptions } from '../h1/peer.ts'

// [TLS-13] "opaque and WebSocket streams are ended for it only if `MeshPolicy` says so".

/** Renewed at half; certificates count in whole seconds. */
const LEAF_LIFE_MS = 6_000
const HEAD = 'GET /chat HTTP/1.1\r\nHost: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const END = meshPolicy({ tunnelsAtRenewal: 'end' })

let mesh: Mesh
beforeAll(() => {
  mesh = startMesh()
})
afterAll(() => mesh.close())

/** Answers requests with `ok`, and echoes what comes in a WebSocket, each of which is put into `sockets`. */
function echo(sockets: Socket[]) {
  return byteApplication(socket => {
    socket.once('data', head => {
      if (!/upgrade: websocket/i.test(head.toString('latin1'))) {
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok')
        return
      }
      sockets.push(socket)
      socket.write(SWITCHED)
      socket.on('data', chunk => void socket.write(chunk))
    })
    socket.on('end', () => socket.end())
  })
}

/** An application that echoes what comes in a WebSocket, and its sidecar; `renewing` is whose certificate is short. */
async function chat(name: string, renewing: 'callee' | 'caller') {
  const sockets: Socket[] = []
  const application = await mesh.with(echo(sockets))
  const short = { leafLifeMs: LEAF_LIFE_MS }
  const labels = { app: name }
  const callee = await mesh.sidecar(name, {
    ...{ port: application.port, labels },
    ...(renewing === 'callee' ? { config: short } : {}),
  })
  const known = [callee.workload, service('chat', labels)]
  const web = await mesh.sidecar(`${name}-web`, {
    resources: known,
    ...(renewing === 'caller' ? { config: short } : {}),
  })
  return { sockets, callee, web, known }
}

async function notAfter(of: SidecarUnderTest): Promise<string> {
  return (JSON.parse(await of.page('/identity')) as { readonly notAfter: string }).notAfter
}

async function renewed(of: SidecarUnderTest): Promise<void> {
  const before = await notAfter(of)
  await until(async () => (await notAfter(of)) !== before)
}

async function open(caller: Wire): Promise<Wire> {
  caller.send(HEAD)
  await caller.match(/^HTTP\/1\.1 101 .*\r\n\r\n$/s)
  return caller
}

async function expectAlive(tunnel: Wire, word: string): Promise<void> {
  tunnel.send(word)
  await tunnel.match(new RegExp(`${word}$`))
}

/** As `chat`, of bytes that no HTTP is: the application echoes them, and is reached by a CONNECT. */
async function opaque(name: string, end: boolean) {
  const sockets: Socket[] = []
  const application = await mesh.with(
    byteApplication(socket => {
      socket.on('data', chunk => {
        sockets.push(socket)
        socket.write(chunk)
      })
      socket.on('end', () => socket.end())
    }),
  )
  const labels = { app: name }
  const callee = await mesh.sidecar(name, { port: application.port, labels, protocol: 'tcp' })
  const db = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'db', namespace: 'shop' },
    spec: { selector: labels, ports: [{ name: 'tcp', port: 6379, targetPort: 'http', appProtocol: 'tcp' }] },
  }
  const web = await mesh.sidecar(`${name}-web`, {
    resources: [callee.workload, db, ...(end ? [END] : [])],
    config: { leafLifeMs: LEAF_LIFE_MS },
  })
  const tunnel = wire(web.outbound)
  tunnel.send('CONNECT db:6379 HTTP/1.1\r\nHost: db:6379\r\n\r\n')
  await tunnel.match(/^HTTP\/1\.1 200 .*\r\n\r\n$/s)
  await expectAlive(tunnel, '\x01before')
  return { web, tunnel, sockets }
}

describe.concurrent('[TLS-13] opaque TCP', () => {
  test('outlives the renewal of a certificate, where no policy says otherwise', async () => {
    const { web, tunnel } = await opaque('bytes-stay', false)
    await renewed(web)
    await new Promise(resolve => setTimeout(resolve, LEAF_LIFE_MS / 4))
    await expectAlive(tunnel, '\x01after')
    tunnel.socket.destroy()
  })

  test('is ended at renewal where MeshPolicy says so', async () => {
    const { web, tunnel, sockets } = await opaque('bytes-end', true)
    await renewed(web)
    expect(await tunnel.ended()).toBe('end')
    await until(() => sockets.length > 0 && sockets.every(({ closed }) => closed))
    tunnel.socket.destroy()
  })
})

describe.concurrent('[TLS-13] a WebSocket', () => {
  test('outlives the renewal of the certificate of each end, where no policy says otherwise', async () => {
    const one = await chat('stays', 'caller')
    const other = await chat('stays-too', 'callee')
    const tunnels = [await open(wire(one.web.outbound)), await open(wire(other.web.outbound))]
    await Promise.all([renewed(one.web), renewed(other.callee)])
    // Connections that carry exchanges are gone by then: a tenth of a life.
    await new Promise(resolve => setTimeout(resolve, LEAF_LIFE_MS / 4))
    for (const tunnel of tunnels) {
      await expectAlive(tunnel, 'still here')
      tunnel.socket.destroy()
    }
  })

  test.each(['caller', 'callee'] as const)(
    'is ended at the renewal of its %s’s certificate where MeshPolicy says so',
    async whose => {
      const { web, callee, known, sockets } = await chat(`ends-${whose}`, whose)
      // Only the policy of whose certificate is renewed counts.
      if (whose === 'caller') await web.edit(...known, END)
      else await callee.edit(END)
      const renewing = whose === 'caller' ? web : callee
      const tunnel = await open(wire(web.outbound))
      await expectAlive(tunnel, 'before')
      await renewed(renewing)
      // In order, and for both sides.
      expect(await tunnel.ended()).toBe('end')
      await until(() => sockets.every(({ closed }) => closed))
      tunnel.socket.destroy()
      // Another can be opened, and requests were never in danger.
      const next = await open(wire(web.outbound))
      await expectAlive(next, 'after')
      next.socket.destroy()
      expect((await ask(web.outbound, 'http://chat/')).status).toBe(200)
      await until(async () => (await web.page('/metrics')).includes('selvedge_tunnels_active{direction="outbound"} 0'))
    },
  )

  test('of a caller without a sidecar is ended as well', async () => {
    const { callee, sockets } = await chat('ends-peer', 'callee')
    await callee.edit(END)
    const tunnel = await open(wireOver(connect({ port: callee.inbound, ...peerOptions(mesh.caDir) })))
    await renewed(callee)
    expect(await tunnel.ended()).toBe('end')
    await until(() => sockets.every(({ closed }) => closed))
    tunnel.socket.destroy()
  })

  test('that crosses no mTLS is none of it', async () => {
    const { web, sockets } = await chat('plain', 'caller')
    const server = await mesh.with(echo(sockets))
    await web.edit(END)
    const caller = wire(web.outbound)
    caller.send(HEAD.replace('Host: chat', `Host: 127.0.0.1:${server.port}`))
    await caller.match(/^HTTP\/1\.1 101 .*\r\n\r\n$/s)
    await renewed(web)
    await new Promise(resolve => setTimeout(resolve, LEAF_LIFE_MS / 4))
    await expectAlive(caller, 'still here')
    caller.socket.destroy()
  })
})
