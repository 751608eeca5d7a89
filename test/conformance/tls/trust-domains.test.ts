import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { type CaKeyPair, toPem } from '../../../certs/mod.ts'
import type { SpiffeId } from '../../../common/mod.ts'
import { clientTlsOptions, peerOf, type Svid } from '../../../sidecar/identity/mod.ts'
import { MeshListener } from '../../../sidecar/transport/mod.ts'
import { until } from '../../in-process/mesh.ts'
import { caOf, clientWith, issuerOf, leafOf, type Shown, svidOf } from '../pki.ts'
import { tlsAsk } from './tls-client.ts'

// A mesh that is federated with another: its root is believed about its own trust domain, and about nothing else.

const OURS = 'spiffe://mesh.test/ns/shop/sa/catalog'
const ours = caOf('mesh.test')
const theirs = caOf('partner.test')
const third = caOf('third.test')
const bundles = new Map([
  ['partner.test', [theirs.certificateDer]],
  ['third.test', [third.certificateDer]],
])
const svid: Svid = svidOf(leafOf({ id: OURS, issuer: ours }), OURS, [ours.certificateDer], bundles)

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

function idIn(domain: string): string {
  return `spiffe://${domain}/ns/shop/sa/web`
}

/** Whom the inbound port takes a peer for; `refused: ...` when it takes it for nobody. */
async function seenAs(shown: Shown): Promise<string> {
  const seen: string[] = []
  const listener = new MeshListener(svid, {
    permissive: () => false,
    plain: socket => socket.destroy(),
    secured(socket: TLSSocket) {
      const peer = peerOf(socket, svid)
      seen.push(peer.ok ? peer.value : `refused: ${peer.error}`)
      if (peer.ok) socket.end('HTTP/1.1 200 OK\r\n\r\n')
      else socket.destroy()
    },
    handshakeFailed: why => seen.push(`refused: ${why}`),
    broken: error => seen.push(`broken: ${String(error)}`),
  })
  listener.server.listen(0, '127.0.0.1')
  await once(listener.server, 'listening')
  closing.push(() => listener.server.close())
  const { received } = await tlsAsk((listener.server.address() as AddressInfo).port, clientWith(shown))
  await until(() => seen.length === 1)
  expect(received === '').toBe(seen[0]?.startsWith('refused') ?? false)
  return seen[0] ?? ''
}

/** What our outbound side says of a server that shows this where `expected` is meant; empty when it believes it. */
async function faultOf(shown: Shown, expected: string): Promise<string> {
  const server = createServer(shown, socket => {
    socket.on('error', () => undefined)
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  const { port } = server.address() as AddressInfo
  const { error, received } = await tlsAsk(port, clientTlsOptions(svid, expected as SpiffeId))
  expect(received === '').toBe(error !== '')
  return error
}

describe('[TLS-7] [SVID-6] a peer', () => {
  test('of our domain and of a federated one are each believed by the root of their own', async () => {
    expect(await seenAs(leafOf({ id: idIn('mesh.test'), issuer: ours }))).toBe(idIn('mesh.test'))
    expect(await seenAs(leafOf({ id: idIn('partner.test'), issuer: theirs }))).toBe(idIn('partner.test'))
    expect(await faultOf(leafOf({ id: idIn('mesh.test'), issuer: ours }), idIn('mesh.test'))).toBe('')
    expect(await faultOf(leafOf({ id: idIn('partner.test'), issuer: theirs }), idIn('partner.test'))).toBe('')
  })

  test("of the federated domain may have intermediates of its root's", async () => {
    const change = { isCa: true, keyUsage: ['keyCertSign' as const], extendedKeyUsage: [], sanCritical: false }
    const named = { ...change, uriSans: ['spiffe://partner.test'], subject: { commonName: 'intermediate' } }
    const middle = issuerOf({ id: '', issuer: theirs, change: named })
    const leaf = leafOf({ id: idIn('partner.test'), issuer: middle, intermediates: [middle.certificateDer] })
    expect(await seenAs(leaf)).toBe(idIn('partner.test'))
    expect(await faultOf(leaf, idIn('partner.test'))).toBe('')
    // And no more about our domain than the root above it.
    const about = leafOf({ id: idIn('mesh.test'), issuer: middle, intermediates: [middle.certificateDer] })
    expect(await seenAs(about)).toContain('no root of the trust domain "mesh.test" has signed it')
    expect(await faultOf(about, idIn('mesh.test'))).not.toBe('')
  })

  test.each<[string, string, CaKeyPair]>([
    ['our domain, signed by a federated root', 'mesh.test', theirs],
    ['a federated domain, signed by our root', 'partner.test', ours],
    ['one federated domain, signed by the root of another', 'partner.test', third],
  ])('of %s: refused on both sides', async (_, domain, issuer) => {
    const leaf = leafOf({ id: idIn(domain), issuer })
    expect(await seenAs(leaf)).toBe(
      `refused: Cannot trust the peer's certificate: no root of the trust domain "${domain}" has signed it`,
    )
    expect(await faultOf(leaf, idIn(domain))).toMatch(/unable to|signature|self.signed/)
  })

  test.each(['unknown.test', 'partner.test.evil', 'partner.tes', 'PARTNER.test'])(
    'of the domain %s, which is in no bundle: refused, whoever has signed it',
    async domain => {
      for (const issuer of [ours, theirs, third]) {
        expect(await seenAs(leafOf({ id: idIn(domain), issuer }))).toMatch(/^refused/)
        expect(await faultOf(leafOf({ id: idIn(domain), issuer }), idIn(domain))).not.toBe('')
      }
    },
  )

  test('of an unknown domain with a root that it brings along: refused', async () => {
    const own = caOf('unknown.test')
    const leaf = leafOf({ id: idIn('unknown.test'), issuer: own, intermediates: [own.certificateDer] })
    expect(await seenAs(leaf)).toMatch(/^refused: SELF_SIGNED/)
    expect(await faultOf(leaf, idIn('unknown.test'))).toMatch(/self.signed/)
  })

  test('of a public CA is nobody: no root but those of the bundles is ever asked', () => {
    const { ca: roots } = clientTlsOptions(svid, idIn('unknown.test') as SpiffeId)
    expect(roots).toEqual([])
    expect(clientTlsOptions(svid, idIn('partner.test') as SpiffeId).ca).toEqual([
      toPem('CERTIFICATE', theirs.certificateDer),
    ])
  })
})
