import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { makeCa, makeKeyPair, signLeaf, spkiSha256, toPem } from '../../certs/mod.ts'
import type { SpiffeId, TrustDomain } from '../../common/mod.ts'
import { fetchPinnedRoot } from './root-pin.ts'

const nowMs = Date.now()
const ca = makeCa({ trustDomain: 'mesh.example' as TrustDomain, lifeMs: 3_600_000, nowMs })
const pin = spkiSha256(ca.certificateDer)
const open: Server[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const server of open.splice(0)) server.close()
})

async function listen(server: Server): Promise<string> {
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

function tlsServer(withRoot: boolean): Server {
  const keys = makeKeyPair()
  const leaf = signLeaf({
    caCertificateDer: ca.certificateDer,
    caPrivateKeyPem: ca.privateKeyPem,
    publicKeySpkiDer: keys.publicKeySpkiDer,
    spiffeId: 'spiffe://mesh.example/ns/selvedge-system/sa/control-plane' as SpiffeId,
    dnsNames: [],
    lifeMs: 3_600_000,
    nowMs,
  })
  const root = withRoot ? toPem('CERTIFICATE', ca.certificateDer) : ''
  return createTlsServer({ cert: toPem('CERTIFICATE', leaf) + root, key: keys.privateKeyPem })
}

describe('the pinned root', () => {
  it('is found in the chain that is served, with its trust domain', async () => {
    const address = await listen(tlsServer(true))
    expect(await fetchPinnedRoot(address, pin)).toEqual({
      ok: true,
      value: { rootDer: ca.certificateDer, trustDomain: 'mesh.example' },
    })
  })

  it('is looked at without a handshake that fails at the server', async () => {
    const server = tlsServer(true)
    const failed: string[] = []
    let closed = 0
    server.on('tlsClientError', (error: Error) => failed.push(error.message))
    server.on('secureConnection', (socket: TLSSocket) => {
      socket.on('error', error => failed.push(error.message))
      socket.on('close', () => closed++)
      // As an HTTP/2 server speaks first.
      socket.end('settings')
    })
    const address = await listen(server)
    for (let i = 0; i < 20; i++) expect(await fetchPinnedRoot(address, pin)).toMatchObject({ ok: true })
    await vi.waitFor(() => expect(closed).toBe(20))
    expect(failed).toEqual([])
  })

  it('is refused when another is served, or none', async () => {
    const refused = { ok: false, error: { kind: 'refused', message: expect.stringContaining('not the one') } }
    expect(await fetchPinnedRoot(await listen(tlsServer(true)), 'ab'.repeat(32))).toEqual(refused)
    expect(await fetchPinnedRoot(await listen(tlsServer(false)), pin)).toEqual(refused)
  })

  it('is worth another try where nobody listens, and where what listens speaks no TLS', async () => {
    const away = { ok: false, error: { kind: 'away', message: expect.stringContaining('Cannot reach') } }
    const plain = createTcpServer(socket => {
      socket.on('error', () => {})
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n', () => socket.destroy())
    })
    const address = await listen(plain)
    expect(await fetchPinnedRoot(address, pin)).toEqual(away)
    await new Promise(resolve => plain.close(resolve))
    expect(await fetchPinnedRoot(address, pin)).toEqual(away)
  })

  it('is waited for five seconds, where a handshake stalls', async () => {
    const silent = createTcpServer()
    const address = await listen(silent)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const waiting = fetchPinnedRoot(address, pin)
    await once(silent, 'connection')
    vi.advanceTimersByTime(5000)
    expect(await waiting).toEqual({ ok: false, error: { kind: 'away', message: expect.stringContaining('5000 ms') } })
  })

  it('cannot be asked for at what is no address', async () => {
    for (const address of ['', 'mesh', 'mesh:', 'mesh:0', 'mesh:65536', 'http://mesh:1', '::1:15010', 'a:b:1']) {
      expect(await fetchPinnedRoot(address, pin)).toMatchObject({ ok: false, error: { kind: 'refused' } })
    }
  })
})
