import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CaKeyPair, loadCaDir, makeCsr, makeKeyPair } from '../../../certs/mod.ts'
import { until } from '../../in-process/mesh.ts'
import { HOSTILE_CLIENTS, WEAK } from '../hostile.ts'
import { leafOf, type Shown } from '../pki.ts'
import { tlsAsk } from '../tls/tls-client.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { renew, stream } from './grpc-client.ts'

// The control plane's mTLS port, 15012: discovery, telemetry and renewal. The same certificates as at a sidecar, none of which is let in.

const ID = 'spiffe://mesh.test/ns/shop/sa/web'
const csr = makeCsr({ privateKeyPem: makeKeyPair().privateKeyPem, spiffeId: ID })

let fleet: Fleet
let ca: CaKeyPair
beforeAll(async () => {
  fleet = await startFleet()
  const loaded = loadCaDir(join(fleet.dir, 'data', 'ca'))
  if (!loaded.ok) throw new Error(loaded.error)
  ca = loaded.value
})
afterAll(() => fleet.close())

async function counted(result: string): Promise<number> {
  const found = new RegExp(`selvedge_control_csr_total\\{result="${result}"\\} ([0-9]+)`).exec(await fleet.metrics())
  return Number(found?.[1] ?? 0)
}

async function handshakesRefused(): Promise<number> {
  return Number(/selvedge_control_handshakes_refused_total ([0-9]+)/.exec(await fleet.metrics())?.[1] ?? 0)
}

/** Nothing is signed and nothing is said of the mesh; then the same is asked with a good certificate, and granted. */
async function refusesAll(shown: Partial<Shown>): Promise<string> {
  const [issued, unauthenticated] = [await counted('issued'), await counted('unauthenticated')]
  const handshakes = await handshakesRefused()
  const [renewal, discovery] = await Promise.all([renew(fleet, shown, csr), stream(fleet, shown, 'shop/web-1')])
  expect(['UNAVAILABLE', 'UNAUTHENTICATED']).toContain(renewal.outcome)
  expect(discovery).toMatchObject({ outcome: renewal.outcome, messages: 0 })
  expect(await counted('issued')).toBe(issued)
  // Who comes as far as a call is counted and told why; the others end in the handshake.
  const calls = renewal.outcome === 'UNAUTHENTICATED' ? 1 : 0
  expect(await counted('unauthenticated')).toBe(unauthenticated + calls)
  if (calls === 0) await until(async () => (await handshakesRefused()) >= handshakes + 2)
  return renewal.details
}

describe('a peer whose certificate has', () => {
  test.each([...HOSTILE_CLIENTS, ...WEAK])('$title: neither renewal nor discovery', async ({ make, why }) => {
    const details = await refusesAll(make(ID, ca))
    expect(details).toMatch(new RegExp(`${why.source}|No connection established|ECONNRESET|closed|alert|dropped`, 'i'))
  })
})

describe('a peer', () => {
  test('[TLS-1] without a certificate: neither renewal nor discovery', async () => {
    await refusesAll({})
  })

  test('[TLS-1] in plaintext: closed', async () => {
    for (const port of [fleet.ports.discovery, fleet.ports.enrolment]) {
      const response = await fetch(`http://127.0.0.1:${port}/`).then(
        () => 'answered',
        () => 'closed',
      )
      expect(response).toBe('closed')
    }
  })

  test('[TLS-11] of TLS 1.2: an alert, at both ports', async () => {
    const { cert, key } = leafOf({ id: ID, issuer: ca })
    for (const port of [fleet.ports.discovery, fleet.ports.enrolment]) {
      const got = await tlsAsk(port, { cert, key, rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
      expect(got.error).toContain('alert protocol version')
    }
  })

  test('with a good certificate renews it, after all of that', async () => {
    const { outcome, chain } = await renew(fleet, leafOf({ id: ID, issuer: ca }), csr)
    expect({ outcome, certificates: chain.length }).toEqual({ outcome: 'OK', certificates: 1 })
  })

  test('[TLS-2] whose certificate ends while its stream is open: the stream ends with it', async () => {
    const endMs = (Math.floor(Date.now() / 1_000) + 3) * 1_000
    const shown = leafOf({ id: ID, issuer: ca, change: { notAfterMs: endMs } })
    const { outcome, details, messages } = await stream(fleet, shown, 'shop/web-1')
    expect({ outcome, details }).toEqual({
      outcome: 'UNAUTHENTICATED',
      details: expect.stringContaining('certificate of this stream has ended'),
    })
    // It was let in, and told about the mesh, until then.
    expect(messages).toBeGreaterThan(0)
    expect(Date.now()).toBeGreaterThanOrEqual(endMs)
    expect(Date.now()).toBeLessThan(endMs + 2_000)
  })

  test('[TLS-8] a session of this port is never resumed', async () => {
    const { cert, key } = leafOf({ id: ID, issuer: ca })
    const options = { cert, key, rejectUnauthorized: false, ALPNProtocols: ['h2'] }
    // An HTTP/2 preface and a SETTINGS frame, then GOAWAY: the server answers and closes.
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0'
    const first = await tlsAsk(fleet.ports.discovery, options, preface)
    expect(first.sessions.length).toBeGreaterThan(0)
    for (const session of first.sessions) {
      expect((await tlsAsk(fleet.ports.discovery, { ...options, session }, preface)).reused).toBe(false)
    }
  })
})
