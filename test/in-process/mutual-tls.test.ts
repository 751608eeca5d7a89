import { join } from 'node:path'
import { type ConnectionOptions, connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { initCaDir, loadCaDir, makeKeyPair, signLeaf, type TrustedCa, toPem } from '../../certs/mod.ts'
import { type TrustDomain, workloadSpiffeId } from '../../common/mod.ts'
import { type Application, byteApplication, type Echo, echoApplication, httpApplication } from '../fakes/application.ts'
import { ask, wire } from './client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, TRUST_DOMAIN, until } from './mesh.ts'
import { meshPolicy, service, workload } from './resources.ts'

// Who may speak to whom, and who is believed: CHECKLIST, TLS and AUTHZ-9.

let mesh: Mesh
let catalog: Application
let callee: SidecarUnderTest
let web: SidecarUnderTest
let ca: TrustedCa

beforeAll(async () => {
  mesh = startMesh()
  const loaded = loadCaDir(mesh.caDir)
  if (!loaded.ok) throw new Error(loaded.error)
  ca = loaded.value
  catalog = await mesh.with(echoApplication('catalog'))
  callee = await mesh.sidecar('catalog', { port: catalog.port, labels: { app: 'catalog' } })
  web = await mesh.sidecar('web', { resources: [callee.workload, service('catalog', { app: 'catalog' })] })
})
afterAll(() => mesh.close())

interface LeafWish {
  readonly ca?: TrustedCa
  readonly trustDomain?: TrustDomain
  readonly account?: string
  /** How long ago it was made, with an hour to live then. */
  readonly ageMs?: number
}

function clientOptions(wish: LeafWish = {}): ConnectionOptions {
  const { ca: issuer = ca, trustDomain = TRUST_DOMAIN, account = 'tester', ageMs = 0 } = wish
  const keys = makeKeyPair()
  const leaf = signLeaf({
    caCertificateDer: issuer.certificateDer,
    caPrivateKeyPem: issuer.privateKeyPem,
    publicKeySpkiDer: keys.publicKeySpkiDer,
    spiffeId: workloadSpiffeId(trustDomain, 'shop', account),
    dnsNames: [],
    lifeMs: 3_600_000,
    nowMs: Date.now() - ageMs,
  })
  return { cert: toPem('CERTIFICATE', leaf), key: keys.privateKeyPem }
}

/** What a client with these options gets for one request; empty when it was refused before any answer. */
function tlsAsk(port: number, options: ConnectionOptions, head: string): Promise<string> {
  return new Promise(resolve => {
    let received = ''
    const socket = connect({
      ...{ host: '127.0.0.1', port, ca: toPem('CERTIFICATE', ca.certificateDer) },
      checkServerIdentity: () => undefined,
      ...options,
    })
    socket.on('error', () => undefined)
    socket.on('secureConnect', () => socket.write(head))
    socket.on('data', chunk => {
      received += chunk.toString()
      if (received.includes('\r\n\r\n')) socket.destroy()
    })
    socket.on('close', () => resolve(received))
  })
}

const GET = 'GET / HTTP/1.1\r\nHost: catalog\r\n\r\n'

describe('the inbound port', () => {
  test('serves a peer with a certificate of the mesh, over TLS 1.3', async () => {
    expect(await tlsAsk(callee.inbound, clientOptions(), GET)).toMatch(/^HTTP\/1\.1 200 /)
  })

  test.each([
    ['no certificate', () => ({})],
    ['a certificate of a foreign CA', () => clientOptions({ ca: foreignCa(), trustDomain: TRUST_DOMAIN })],
    ['an expired certificate', () => clientOptions({ ageMs: 2 * 3_600_000 })],
    ['a certificate that is not valid yet', () => clientOptions({ ageMs: -2 * 3_600_000 })],
    ['a certificate of another trust domain', () => clientOptions({ trustDomain: 'other.test' as TrustDomain })],
    ['TLS 1.2', () => ({ ...clientOptions(), maxVersion: 'TLSv1.2' as const })],
  ])('refuses %s: nothing reaches the application', async (_, options) => {
    const before = catalog.seen
    expect(await tlsAsk(callee.inbound, options(), GET)).toBe('')
    expect(catalog.seen).toBe(before)
  })

  test('keeps no connection for longer than the certificate that it began with', async () => {
    const options = clientOptions({ ageMs: 3_600_000 - 2_500 })
    const peer = connect({
      ...{ host: '127.0.0.1', port: callee.inbound, ca: toPem('CERTIFICATE', ca.certificateDer) },
      checkServerIdentity: () => undefined,
      ...options,
    })
    let [received, ended] = ['', false]
    peer.on('data', chunk => (received += chunk.toString()))
    peer.on('end', () => (ended = true))
    peer.on('error', () => undefined)
    peer.write(GET)
    await until(() => received.startsWith('HTTP/1.1 200 '))
    expect(ended).toBe(false)
    await until(() => ended)
    peer.destroy()
  })

  test('lets go at once of a peer that goes within its handshake', async () => {
    // Half-open it would stay until the handshake's time limit, longer than this waits.
    const peer = wire(callee.inbound, true)
    peer.send(Buffer.from([0x16, 3, 1, 2, 0, 1]))
    peer.socket.end()
    await peer.ended()
  })

  test('closes on plaintext, without a word of HTTP', async () => {
    const before = catalog.seen
    const caller = wire(callee.inbound)
    caller.send(GET)
    await caller.ended()
    expect(caller.received).not.toContain('HTTP')
    expect(catalog.seen).toBe(before)
  })

  test('counts what it refused', async () => {
    const metrics = await callee.page('/metrics')
    expect(metrics).toMatch(/selvedge_refusals_total\{cause="tls-handshake"\} [3-9]/)
    expect(metrics).toContain('selvedge_broken_exchanges_total 0')
  })

  test('serves only ports that the workload declares, by the TLS server name', async () => {
    const options = clientOptions()
    const named = (name: string) => tlsAsk(callee.inbound, { ...options, servername: name }, GET)
    expect(await named(`p${catalog.port}.catalog.shop`)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await named('p22.catalog.shop')).toMatch(/^HTTP\/1\.1 404 .*x-selvedge-cause: unknown-destination/s)
  })

  test('is no proxy: CONNECT is refused', async () => {
    const head = 'CONNECT catalog:80 HTTP/1.1\r\nHost: catalog:80\r\n\r\n'
    expect(await tlsAsk(callee.inbound, clientOptions(), head)).toMatch(/^HTTP\/1\.1 405 /)
  })
})

function foreignCa(): TrustedCa {
  const made = initCaDir(join(mesh.caDir, `foreign-${Math.random()}`), { trustDomain: TRUST_DOMAIN, nowMs: Date.now() })
  if (!made.ok) throw new Error(made.error)
  return made.value
}

describe('permissive mode', () => {
  test('lets plaintext in beside mTLS, and tells them apart by their first byte', async () => {
    await callee.edit(meshPolicy({ mtls: 'permissive' }))
    const plain = await ask(callee.inbound, '/plain', {
      headers: {
        ...{ host: 'catalog', 'x-selvedge-caller': 'spiffe://me', 'x-forwarded-for': '10.0.0.1' },
        ...{ 'x-forwarded-client-cert': 'URI=spiffe://me', forwarded: 'for=10.0.0.1' },
      },
    })
    const echo = JSON.parse(plain.body) as Echo
    expect(echo).toMatchObject({ name: 'catalog', url: '/plain' })
    // What nobody has proved is not handed on.
    expect(Object.keys(echo.headers).filter(name => /^(x-selvedge|x-forwarded|forwarded)/.test(name))).toEqual([])
    expect(await tlsAsk(callee.inbound, clientOptions(), GET)).toMatch(/^HTTP\/1\.1 200 .*sa\/tester/s)
    expect(await tlsAsk(callee.inbound, {}, GET)).toBe('')
    expect((await ask(web.outbound, 'http://catalog/')).status).toBe(200)
    // Both kinds again where the first bytes come one by one, and a body follows.
    const caller = wire(callee.inbound)
    for (const byte of 'POST /p HTTP/1.1\r\nHost: catalog\r\nContent-Length: 3\r\n\r\nabc') {
      await new Promise(resolve => caller.socket.write(byte, resolve))
    }
    await caller.match(/"body":"abc"/)
    caller.socket.destroy()
    // A page of metrics that was dear to make is shown for a while.
    await until(async () =>
      /selvedge_requests_total\{direction="inbound",source="unauthenticated",.*tls="none",code="200",cause=""\} 2/.test(
        await callee.page('/metrics'),
      ),
    )
  })

  test('when it ends, plaintext is closed again, and connections that were let in are not served any more', async () => {
    const kept = wire(callee.inbound)
    kept.send(GET)
    await kept.match(/200 OK/)
    await callee.edit()
    const caller = wire(callee.inbound)
    caller.send(GET)
    await caller.ended()
    expect(caller.received).not.toContain('HTTP')
    const before = catalog.seen
    kept.send(GET)
    await kept.match(/401 .*x-selvedge-cause: unauthenticated/s)
    kept.socket.destroy()
    expect(catalog.seen).toBe(before)
  })
})

describe('a caller', () => {
  test('sends no byte of a request to an endpoint with another identity', async () => {
    const imposter = await mesh.sidecar('imposter', { port: catalog.port, labels: { app: 'other' } })
    const before = catalog.seen
    const claimed = workload('claimed', {
      ...{ labels: { app: 'claimed' }, port: catalog.port, inboundPort: imposter.inbound },
      serviceAccount: 'claimed',
    })
    const caller = await mesh.sidecar('web-2', { resources: [claimed, service('claimed', { app: 'claimed' })] })
    const answer = await ask(caller.outbound, 'http://claimed/', { method: 'POST', body: 'secret' })
    expect(answer).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'connect-failed' } })
    expect(answer.body).toContain('sa/imposter, not spiffe://mesh.test/ns/shop/sa/claimed')
    expect(catalog.seen).toBe(before)
    const inbound = await imposter.page('/metrics')
    expect(inbound).not.toMatch(/selvedge_requests_total\{direction="inbound"/)
  })

  test('never falls back to plaintext where an endpoint in the mesh does not speak TLS', async () => {
    let heard = ''
    const plain = await mesh.with(
      byteApplication(socket => {
        socket.on('data', chunk => {
          heard += chunk.toString('latin1')
          socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
        })
      }),
    )
    const endpoint = workload('plain', { labels: { app: 'plain' }, port: 8080, inboundPort: plain.port })
    const caller = await mesh.sidecar('web-3', { resources: [endpoint, service('plain', { app: 'plain' })] })
    const answer = await ask(caller.outbound, 'http://plain/hidden', { headers: { 'x-secret': 'hidden' } })
    expect(answer).toMatchObject({ status: 503, headers: { 'x-selvedge-cause': 'connect-failed' } })
    expect(heard).not.toContain('hidden')
  })
})

describe('what is said in the name of the mesh', () => {
  test('the application learns its caller from the certificate, whatever the caller wrote', async () => {
    const answer = await ask(web.outbound, 'http://catalog/', {
      headers: {
        'x-selvedge-caller': 'spiffe://mesh.test/ns/shop/sa/admin',
        'X-Selvedge-Anything': '1',
        connection: 'x-selvedge-caller',
      },
    })
    const { headers } = JSON.parse(answer.body) as Echo
    expect(headers['x-selvedge-caller']).toBe('spiffe://mesh.test/ns/shop/sa/web')
    expect(headers['x-selvedge-anything']).toBeUndefined()
  })

  test('a peer that is no sidecar of ours cannot say it either', async () => {
    const head = GET.replace('\r\n\r\n', '\r\nX-SELVEDGE-Caller: spiffe://evil\r\nx-selvedge-x: 1\r\n\r\n')
    const socket = connect({
      ...{ host: '127.0.0.1', port: callee.inbound, ca: toPem('CERTIFICATE', ca.certificateDer) },
      ...{ checkServerIdentity: () => undefined, ...clientOptions({ account: 'stranger' }) },
    })
    let received = ''
    socket.on('data', chunk => {
      received += chunk.toString()
    })
    socket.write(head)
    await until(() => received.endsWith('}'))
    socket.destroy()
    expect(received).toContain('"x-selvedge-caller":"spiffe://mesh.test/ns/shop/sa/stranger"')
    expect(received).not.toContain('evil')
    expect(received).not.toContain('x-selvedge-x')
  })

  test('an application in the mesh cannot say it in its answers, interim ones included', async () => {
    const liar = await mesh.with(
      httpApplication((_request, response) => {
        response.writeEarlyHints({ link: '</x>; rel=preload', 'x-selvedge-cause': 'draining' })
        response.writeHead(503, { 'x-selvedge-cause': 'connect-failed', 'x-selvedge-y': '1', 'content-length': '4' })
        response.end('liar')
      }),
    )
    const liarSidecar = await mesh.sidecar('liar', { port: liar.port, labels: { app: 'liar' } })
    const outsider = workload('outsider', { labels: { app: 'outsider' }, port: liar.port })
    await web.edit(
      ...[callee.workload, service('catalog', { app: 'catalog' })],
      ...[liarSidecar.workload, service('liar', { app: 'liar' })],
      ...[outsider, service('outsider', { app: 'outsider' })],
    )
    for (const host of ['liar', 'outsider', `127.0.0.1:${liar.port}`]) {
      const before = liar.seen
      const caller = wire(web.outbound)
      caller.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      await caller.match(/103 .*503 .*liar$/s)
      caller.socket.destroy()
      expect(caller.received.toLowerCase()).not.toContain('x-selvedge')
      // Nor is it believed: a connection failure would have been tried again.
      expect(liar.seen).toBe(before + 1)
    }
  })
})
