import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ConnectionOptions, connect, createServer, type Server, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type CaKeyPair,
  type CertificateTemplate,
  leafTemplate,
  makeCa,
  makeKeyPair,
  signCertificate,
  toPem,
} from '../../certs/mod.ts'
import type { SpiffeId, TrustDomain } from '../../common/mod.ts'
import { clientTlsOptions, peerOf, type Svid, serverTlsOptions } from './mod.ts'

// Real loopback sockets and the real clock: it is OpenSSL's and Node's behaviour that is held here.
const trustDomain = 'mesh.example' as TrustDomain
const HOUR = 3_600_000
const nowMs = Date.now()
const ca = makeCa({ trustDomain, lifeMs: HOUR, nowMs })
const foreignCa = makeCa({ trustDomain, lifeMs: HOUR, nowMs })
const caller = id('storefront')
const callee = id('reviews')

function id(name: string): SpiffeId {
  return `spiffe://mesh.example/ns/bookshop/sa/${name}` as SpiffeId
}

function svidOf(spiffeId: SpiffeId, change: Partial<CertificateTemplate> = {}, issuer: CaKeyPair = ca): Svid {
  const keys = makeKeyPair()
  const wish = { publicKeySpkiDer: keys.publicKeySpkiDer, spiffeId, dnsNames: [], lifeMs: HOUR / 2, nowMs }
  const template = { ...leafTemplate(wish), ...change }
  return {
    spiffeId,
    certificateChainPem: toPem('CERTIFICATE', signCertificate(template, issuer.privateKeyPem, issuer.certificateDer)),
    privateKeyPem: keys.privateKeyPem,
    trustBundlePem: [toPem('CERTIFICATE', ca.certificateDer)],
    trustDomain,
    notBeforeMs: template.notBeforeMs,
    notAfterMs: template.notAfterMs,
  }
}

const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

/** A listener as the inbound port is: it looks at the peer first, and counts the application bytes that arrive. */
async function listen(svid: Svid) {
  const seen = { bytes: 0, peers: [] as string[] }
  const server = createServer(serverTlsOptions(svid, 'strict'), socket => {
    const peer = peerOf(socket, svid)
    if (!peer.ok) {
      seen.peers.push(peer.error)
      socket.destroy()
      return
    }
    seen.peers.push(peer.value)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      seen.bytes += chunk.length
      socket.end(chunk)
    })
  })
  server.on('tlsClientError', () => {})
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, seen, server }
}

/** Connects as the outbound side does, writes once the peer is believed, and says what came of it. */
async function exchange(port: number, options: ConnectionOptions) {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, servername: 'p80.reviews.bookshop', ...options })
  const seen = { sent: 0, answer: '', error: '', reused: false, protocol: '', sessions: [] as Buffer[] }
  socket.on('session', session => seen.sessions.push(session))
  socket.once('secureConnect', () => {
    seen.reused = socket.isSessionReused()
    seen.protocol = socket.getProtocol() ?? ''
    seen.sent = 5
    socket.write('hello')
  })
  socket.on('data', chunk => {
    seen.answer += chunk.toString()
  })
  socket.on('error', error => {
    seen.error = error.message
  })
  await new Promise(resolve => socket.once('close', resolve))
  return seen
}

describe('between two sidecars', () => {
  it('the right peers know each other by TLS 1.3 and exchange bytes', async () => {
    const { port, seen } = await listen(svidOf(callee))
    const got = await exchange(port, clientTlsOptions(svidOf(caller), callee))
    expect(got).toMatchObject({ answer: 'hello', error: '', protocol: 'TLSv1.3' })
    expect(seen.peers).toEqual([caller])
  })

  it('a session is never resumed, even when the client offers one', async () => {
    const { port, seen } = await listen(svidOf(callee))
    const options = clientTlsOptions(svidOf(caller), callee)
    const { sessions } = await exchange(port, options)
    // What the server hands out is a name for a session that it doesn't keep.
    const again = await exchange(port, { ...options, session: sessions.at(-1) ?? Buffer.alloc(0) })
    expect(sessions.length).toBeGreaterThan(0)
    expect(again.reused).toBe(false)
    expect(again.answer).toBe('hello')
    expect(seen.peers).toEqual([caller, caller])
  })
})

describe('the outbound side sends no application byte to a server that', () => {
  async function refused(server: Svid, why: string) {
    const { port, seen } = await listen(server)
    const got = await exchange(port, clientTlsOptions(svidOf(caller), callee))
    expect(got.error).toContain(why)
    expect({ sent: got.sent, arrived: seen.bytes }).toEqual({ sent: 0, arrived: 0 })
  }

  it('has another SPIFFE ID', () => refused(svidOf(id('ratings')), 'not spiffe://mesh.example/ns/bookshop/sa/reviews'))
  it("is signed by a foreign CA of the same trust domain's name", () =>
    refused(svidOf(callee, {}, foreignCa), 'certificate'))
  it('has two URI names', () => refused(svidOf(callee, { uriSans: [callee, id('x')] }), '2 URI names'))
  it('has a certificate that ended', () => refused(svidOf(callee, { notAfterMs: nowMs - 1000 }), 'expired'))
  it('has a certificate for clients only', () =>
    refused(svidOf(callee, { extendedKeyUsage: ['clientAuth'] }), 'purpose'))
  it('has no identity', () =>
    refused(svidOf(callee, { uriSans: [], dnsSans: ['p80.reviews.bookshop'] }), '0 URI names'))
})

describe('the inbound side hands no application byte on from a client that', () => {
  async function refused(client: Svid, more: ConnectionOptions = {}) {
    const { port, seen } = await listen(svidOf(callee))
    const got = await exchange(port, { ...clientTlsOptions(client, callee), ...more })
    expect({ answer: got.answer, arrived: seen.bytes }).toEqual({ answer: '', arrived: 0 })
    return seen.peers
  }

  it('shows no certificate', async () => {
    const { port, seen } = await listen(svidOf(callee))
    const { ca: bundle } = clientTlsOptions(svidOf(caller), callee)
    const got = await exchange(port, { ca: bundle ?? [], checkServerIdentity: () => undefined })
    expect({ answer: got.answer, arrived: seen.bytes, peers: seen.peers }).toEqual({
      answer: '',
      arrived: 0,
      peers: [],
    })
  })

  it('is signed by a foreign CA', async () => {
    expect(await refused(svidOf(caller, {}, foreignCa))).toEqual([])
  })

  it('has a certificate that ended', async () => {
    expect(await refused(svidOf(caller, { notAfterMs: nowMs - 1000 }))).toEqual([])
  })

  it('has a certificate for servers only', async () => {
    expect(await refused(svidOf(caller, { extendedKeyUsage: ['serverAuth'] }))).toEqual([])
  })

  it('has two URI names', async () => {
    expect(await refused(svidOf(caller, { uriSans: [caller, callee] }))).toEqual([
      expect.stringContaining('2 URI names'),
    ])
  })

  it('is of another trust domain', async () => {
    const other = svidOf(caller, { uriSans: ['spiffe://evil.example/ns/bookshop/sa/storefront'] })
    expect(await refused(other)).toEqual([expect.stringContaining('evil.example')])
  })

  it('is the CA itself', async () => {
    const root: Svid = {
      ...svidOf(caller),
      certificateChainPem: toPem('CERTIFICATE', ca.certificateDer),
      privateKeyPem: ca.privateKeyPem,
    }
    const peers = await refused(root)
    expect(peers.every(peer => !peer.startsWith('spiffe://'))).toBe(true)
  })

  it('speaks TLS 1.2', async () => {
    const options = clientTlsOptions(svidOf(caller), callee)
    expect(await refused(svidOf(caller), { ...options, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })).toEqual([])
  })
})
