import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CaKeyPair, loadCaDir } from '../../../certs/mod.ts'
import { byteApplication } from '../../fakes/application.ts'
import { ask } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { service, workload } from '../../in-process/resources.ts'
import { HOSTILE_SERVERS, WEAK } from '../hostile.ts'
import { leafOf, type Shown } from '../pki.ts'

// Our outbound side, towards whoever stands where a sidecar of the mesh should.

const CLAIMED = 'spiffe://mesh.test/ns/shop/sa/claimed'

let mesh: Mesh
let caller: SidecarUnderTest
let ca: CaKeyPair
let impostor: Impostor

beforeAll(async () => {
  mesh = startMesh()
  const loaded = loadCaDir(mesh.caDir)
  if (!loaded.ok) throw new Error(loaded.error)
  ca = loaded.value
  impostor = await mesh.with(startImpostor())
  const plain = await mesh.with(
    byteApplication(socket => socket.on('data', chunk => impostor.heard.push(Buffer.from(chunk)))),
  )
  const endpoint = (name: string, inboundPort: number) =>
    workload(name, { labels: { app: name }, port: 8080, inboundPort, serviceAccount: name })
  caller = await mesh.sidecar('web', {
    resources: [
      ...[endpoint('claimed', impostor.port), service('claimed', { app: 'claimed' })],
      ...[endpoint('plain', plain.port), service('plain', { app: 'plain' })],
    ],
  })
})
afterAll(() => mesh.close())

interface Impostor {
  readonly port: number
  /** Every byte that came to it above TLS, and below where it speaks none. */
  readonly heard: Buffer[]
  /** How many handshakes it took part in. */
  connections: number
  show(shown: Shown): void
  close(): unknown
}

/** A TLS server that takes anybody, answers everything, and shows whatever certificate it is given. */
async function startImpostor(): Promise<Impostor> {
  const heard: Buffer[] = []
  let server: Server | undefined
  const impostor: Impostor = {
    port: 0,
    heard,
    connections: 0,
    show: shown => server?.setSecureContext({ ...shown, ciphers: 'DEFAULT@SECLEVEL=0' }),
    close: () => server?.close(),
  }
  server = createServer({ requestCert: true, rejectUnauthorized: false }, socket => {
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      heard.push(Buffer.from(chunk))
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngot!')
    })
  })
  server.on('connection', () => {
    impostor.connections++
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(impostor, { port: (server.address() as AddressInfo).port })
}

async function failures(): Promise<number> {
  const found = /selvedge_attempts_total\{[^}]*class="connect-failed"[^}]*\} ([0-9]+)/.exec(
    await caller.page('/metrics'),
  )
  return Number(found?.[1] ?? 0)
}

function causes(): readonly string[] {
  return caller.log().flatMap(({ msg, why }) => (String(msg).startsWith('Cannot trust') ? [String(why)] : []))
}

/** One request with a secret in it: 503, nothing of it sent, counted, and the cause in the log. */
async function refuses(host: string, why: RegExp): Promise<string> {
  const [failed, lines, heard] = [await failures(), causes().length, impostor.heard.length]
  const answer = await ask(caller.outbound, `http://${host}/secret`, { method: 'POST', body: 'secret' })
  expect(answer).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'connect-failed' } })
  expect(impostor.heard.length).toBe(heard)
  await until(async () => (await failures()) > failed)
  const said = causes().slice(lines)
  expect(said.length).toBeGreaterThan(0)
  for (const each of said) expect(each).toMatch(why)
  return answer.body
}

describe('a server of the mesh whose certificate has', () => {
  test.each(HOSTILE_SERVERS)('$title: 503, and no byte of the request is sent', async ({ make, why }) => {
    impostor.show(make(CLAIMED, ca))
    const before = impostor.connections
    await refuses('claimed', why)
    expect(impostor.connections).toBeGreaterThan(before)
  })

  test.each(WEAK)('$title: 503, and no byte of the request is sent', async ({ make }) => {
    impostor.show(make(CLAIMED, ca))
    await refuses('claimed', /./)
  })
})

describe('a server of the mesh', () => {
  test('[TLS-10] that is valid, but somebody else: 503, and no byte of the request is sent', async () => {
    impostor.show(leafOf({ id: 'spiffe://mesh.test/ns/shop/sa/other', issuer: ca }))
    const body = await refuses('claimed', /it is spiffe:\/\/mesh\.test\/ns\/shop\/sa\/other, not /)
    expect(body).toContain(`it is spiffe://mesh.test/ns/shop/sa/other, not ${CLAIMED}`)
  })

  test('[TLS-10] that is valid and the same account of another namespace: 503 as well', async () => {
    impostor.show(leafOf({ id: 'spiffe://mesh.test/ns/other/sa/claimed', issuer: ca }))
    await refuses('claimed', /it is spiffe:\/\/mesh\.test\/ns\/other\/sa\/claimed, not /)
  })

  test('[TLS-1] that speaks no TLS is never spoken to in plaintext', async () => {
    const before = impostor.heard.length
    const answer = await ask(caller.outbound, 'http://plain/secret', { method: 'POST', body: 'secret' })
    expect(answer).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'connect-failed' } })
    const heard = Buffer.concat(impostor.heard.slice(before)).toString('latin1')
    expect(heard).not.toContain('secret')
    // All that came is a ClientHello: records of TLS.
    expect(heard[0] ?? '\x16').toBe('\x16')
  })

  test('[TLS-10] who it should be is served, once it is', async () => {
    impostor.show(leafOf({ id: CLAIMED, issuer: ca }))
    const answer = await ask(caller.outbound, 'http://claimed/', { method: 'POST', body: 'hello' })
    expect(answer).toMatchObject({ status: 200, body: 'got!' })
    expect(Buffer.concat(impostor.heard).toString()).toContain('hello')
  })
})
