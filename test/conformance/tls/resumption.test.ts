import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { peerOf, type Svid } from '../../../sidecar/identity/mod.ts'
import { MeshListener } from '../../../sidecar/transport/mod.ts'
import { caOf, clientWith, leafOf, svidOf } from '../pki.ts'
import { tlsAsk } from './tls-client.ts'
import { PEER, startVictim, type Victim } from './victim.ts'

// A resumed session shows no certificate, so there is none.

/** An opaque name of a session that the server would have to know; one that carries the session itself has hundreds of bytes. */
const NAME_BYTES_MAX = 32

let victim: Victim
let dir = ''
beforeAll(async () => {
  victim = await startVictim()
  dir = mkdtempSync(join(tmpdir(), 'selvedge-resumption-'))
})
afterAll(async () => {
  rmSync(dir, { recursive: true })
  await victim.close()
})

describe('[TLS-8] a session', () => {
  test('is never resumed: who offers one goes through a whole handshake, and shows its certificate', async () => {
    const options = clientWith(leafOf({ id: PEER, issuer: victim.ca }))
    const first = await tlsAsk(victim.sidecar.inbound, options)
    expect(first.received).toMatch(/^HTTP\/1\.1 200 /)
    expect(first.sessions.length).toBeGreaterThan(0)
    for (const session of first.sessions) {
      const again = await tlsAsk(victim.sidecar.inbound, { ...options, session })
      expect(again).toMatchObject({ reused: false, received: expect.stringMatching(/^HTTP\/1\.1 200 /) })
    }
  })

  test('of a certificate that has ended since is no way in', async () => {
    const lifeMs = 1_500
    const change = { notAfterMs: Math.floor((Date.now() + lifeMs) / 1_000) * 1_000 + 1_000 }
    const options = clientWith(leafOf({ id: PEER, issuer: victim.ca, change }))
    const { sessions, received } = await tlsAsk(victim.sidecar.inbound, options)
    expect(received).toMatch(/^HTTP\/1\.1 200 /)
    await new Promise(resolve => setTimeout(resolve, change.notAfterMs - Date.now() + 50))
    expect(sessions.length).toBeGreaterThan(0)
    for (const session of sessions) {
      await victim.refuses(() => tlsAsk(victim.sidecar.inbound, { ...options, session }), /CERT_HAS_EXPIRED/)
    }
  })

  test('of a CA that was removed since is no way in', async () => {
    const [old, next] = [caOf('mesh.test'), caOf('mesh.test')]
    const id = 'spiffe://mesh.test/ns/shop/sa/catalog'
    const svid = (roots: readonly Buffer[]): Svid => svidOf(leafOf({ id, issuer: next }), id, roots)
    let current = svid([old.certificateDer, next.certificateDer])
    const seen: string[] = []
    const listener = new MeshListener(current, {
      permissive: () => false,
      plain: socket => socket.destroy(),
      secured: socket => {
        const peer = peerOf(socket, current)
        seen.push(peer.ok ? peer.value : peer.error)
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      },
      handshakeFailed: why => seen.push(why),
      broken: error => seen.push(String(error)),
    })
    await new Promise<void>(resolve => listener.server.listen(0, '127.0.0.1', resolve))
    const address = listener.server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const options = clientWith(leafOf({ id: PEER, issuer: old }))
    const before = await tlsAsk(port, options)
    expect(before.received).toContain('200')
    current = svid([next.certificateDer])
    listener.renew(current)
    const [session] = before.sessions
    if (session === undefined) throw new Error('no session was offered')
    const after = await tlsAsk(port, { ...options, session })
    expect(after).toMatchObject({ received: '', reused: false })
    expect(seen).toEqual([PEER, expect.stringMatching(/UNABLE_TO|SIGNATURE|SELF_SIGNED/)])
    listener.server.close()
  })

  test('is held by nobody: what is sent for it is a name of nothing, not a ticket with the session in it', async () => {
    const shown = leafOf({ id: PEER, issuer: victim.ca })
    const tickets = await new Promise<Buffer[]>(resolve => {
      const socket = connect({ host: '127.0.0.1', port: victim.sidecar.inbound, ...clientWith(shown) })
      const found: Buffer[] = []
      socket.on('session', () => {
        const ticket = socket.getTLSTicket()
        if (ticket !== undefined) found.push(ticket)
      })
      socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n'))
      socket.resume()
      socket.on('close', () => resolve(found))
    })
    expect(tickets.length).toBeGreaterThan(0)
    for (const ticket of tickets) expect(ticket.length).toBeLessThanOrEqual(NAME_BYTES_MAX)
  })
})

describe('early data', () => {
  test('[TLS-9] is off: what OpenSSL says of our sessions is that they take none', async () => {
    const { cert, key } = leafOf({ id: PEER, issuer: victim.ca })
    writeFileSync(join(dir, 'leaf.pem'), cert)
    writeFileSync(join(dir, 'key.pem'), key)
    const run = (...more: string[]): Promise<string> => openssl(dir, victim.sidecar.inbound, more)
    const first = await run('-sess_out', 'session.pem')
    expect(first).toContain('TLSv1.3')
    expect(first).toMatch(/Max Early Data: 0/)
    writeFileSync(join(dir, 'early'), 'GET /early HTTP/1.1\r\nHost: catalog\r\n\r\n')
    const second = await run('-sess_in', 'session.pem', '-early_data', 'early').catch(String)
    expect(second).toMatch(/Early data was (not sent|rejected)/)
    expect(second).toMatch(/New, TLSv1\.3/)
    expect(second).not.toContain('Reused')
  })
})

const execute = promisify(execFile)

async function openssl(cwd: string, port: number, more: readonly string[]): Promise<string> {
  const args = [
    's_client',
    '-connect',
    `127.0.0.1:${port}`,
    '-cert',
    'leaf.pem',
    '-key',
    'key.pem',
    '-ign_eof',
    ...more,
  ]
  const running = execute('openssl', args, { cwd, timeout: 8_000 })
  running.child.stdin?.end('GET / HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n')
  const { stdout, stderr } = await running
  return stdout + stderr
}
