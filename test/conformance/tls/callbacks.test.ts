import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { connect, createServer } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../../common/mod.ts'
import { clientTlsOptions, type Svid } from '../../../sidecar/identity/mod.ts'
import { MeshListener } from '../../../sidecar/transport/mod.ts'
import { echoApplication } from '../../fakes/application.ts'
import { ask } from '../../in-process/client.ts'
import { startMesh, until } from '../../in-process/mesh.ts'
import { service } from '../../in-process/resources.ts'
import { caOf, clientWith, leafOf, svidOf } from '../pki.ts'
import { tlsAsk } from './tls-client.ts'

// [TLS-12] Node calls us from within OpenSSL's callbacks: what is thrown there, nobody catches.

const CALLER = 'spiffe://mesh.test/ns/shop/sa/web'
const CALLEE = 'spiffe://mesh.test/ns/shop/sa/catalog'
const ca = caOf('mesh.test')

function svid(id: string): Svid {
  return svidOf(leafOf({ id, issuer: ca }), id, [ca.certificateDer])
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** An inbound port whose callbacks throw as often as `throws` says. */
async function listenerThat(throws: 'permissive' | 'secured' | 'plain' | 'handshakeFailed') {
  const seen = { broken: [] as unknown[], served: 0 }
  let left = 1
  const maybe = (which: typeof throws): void => {
    if (which === throws && left-- > 0) throw new Error(`thrown in ${which}`)
  }
  const listener = new MeshListener(svid(CALLEE), {
    permissive() {
      maybe('permissive')
      return throws === 'plain'
    },
    secured(socket) {
      maybe('secured')
      seen.served++
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    },
    plain(socket) {
      maybe('plain')
      seen.served++
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    },
    handshakeFailed: () => maybe('handshakeFailed'),
    broken: error => seen.broken.push(error),
  })
  listener.server.listen(0, '127.0.0.1')
  await once(listener.server, 'listening')
  closing.push(() => listener.server.close())
  return { seen, port: (listener.server.address() as AddressInfo).port }
}

/** Whether a plaintext connection on which `text` was sent got an answer before it was closed. */
function plainAnswer(port: number, text: string): Promise<string> {
  return new Promise(resolve => {
    let received = ''
    const socket = connectTcp({ host: '127.0.0.1', port }, () => socket.write(text))
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
    })
    socket.on('close', () => resolve(received))
  })
}

describe('[TLS-12] at the inbound port, an exception', () => {
  test.each(['permissive', 'secured'] as const)(
    'in "%s" costs the connection, is told, and the next is served',
    async which => {
      const { seen, port } = await listenerThat(which)
      const good = clientWith(leafOf({ id: CALLER, issuer: ca }))
      expect((await tlsAsk(port, good)).received).toBe('')
      expect(seen).toEqual({ broken: [new Error(`thrown in ${which}`)], served: 0 })
      expect((await tlsAsk(port, good)).received).toContain('200')
      expect(seen).toMatchObject({ broken: { length: 1 }, served: 1 })
    },
  )

  test('where plaintext is taken over costs the connection as well', async () => {
    const { seen, port } = await listenerThat('plain')
    expect(await plainAnswer(port, 'GET / HTTP/1.1\r\n\r\n')).toBe('')
    expect(await plainAnswer(port, 'GET / HTTP/1.1\r\n\r\n')).toContain('200')
    expect(seen).toMatchObject({ broken: { length: 1 }, served: 1 })
  })

  test('where a refusal is counted costs nothing more', async () => {
    const { seen, port } = await listenerThat('handshakeFailed')
    expect((await tlsAsk(port, clientWith({}))).received).toBe('')
    await until(() => seen.broken.length === 1)
    expect((await tlsAsk(port, clientWith(leafOf({ id: CALLER, issuer: ca })))).received).toContain('200')
  })

  test('in a whole sidecar is counted as an exception of ours, and the sidecar lives', async () => {
    const mesh = startMesh()
    closing.push(() => mesh.close())
    const application = await mesh.with(echoApplication('catalog'))
    let throwing = false
    const clock: Clock = {
      nowMs: systemClock.nowMs,
      wallMs() {
        if (throwing) throw new Error('the clock is broken')
        return systemClock.wallMs()
      },
    }
    const callee = await mesh.sidecar('catalog', {
      ...{ port: application.port, labels: { app: 'catalog' }, options: { clock } },
    })
    const web = await mesh.sidecar('web', { resources: [callee.workload, service('catalog', { app: 'catalog' })] })
    throwing = true
    const answer = await ask(web.outbound, 'http://catalog/')
    expect(answer.status).toBeGreaterThanOrEqual(502)
    expect(application.seen).toBe(0)
    throwing = false
    expect((await ask(web.outbound, 'http://catalog/')).status).toBe(200)
    await until(async () => /selvedge_broken_exchanges_total [1-9]/.test(await callee.page('/metrics')))
    expect(callee.log().some(line => JSON.stringify(line).includes('the clock is broken'))).toBe(true)
  })
})

describe('[TLS-12] where we connect, an exception', () => {
  test("in the check of the server's identity ends that connection before a byte is sent", async () => {
    const heard: Buffer[] = []
    const { cert, key } = leafOf({ id: CALLEE, issuer: ca })
    const server = createServer({ cert, key, minVersion: 'TLSv1.3' }, socket => {
      socket.on('error', () => undefined)
      socket.on('data', chunk => heard.push(Buffer.from(chunk)))
    })
    server.on('tlsClientError', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closing.push(() => server.close())
    const { port } = server.address() as AddressInfo
    const broken: Clock = {
      nowMs: () => 0,
      wallMs() {
        throw new Error('the clock is broken')
      },
    }
    const options = clientTlsOptions(svid(CALLER), svid(CALLEE).spiffeId, broken)
    const error = await new Promise<Error | undefined>(resolve => {
      const socket = connect({ host: '127.0.0.1', port, ...options }, () => resolve(undefined))
      socket.on('error', resolve)
    })
    expect(error?.message).toContain('an exception in this sidecar')
    expect(error?.cause).toEqual(new Error('the clock is broken'))
    expect(heard).toEqual([])
  })
})
