import { connect as connectTcp, type Socket } from 'node:net'
import { connect, type SecureVersion } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wire } from '../../in-process/client.ts'
import { until } from '../../in-process/mesh.ts'
import { meshPolicy, type Resource } from '../../in-process/resources.ts'
import { clientWith, leafOf } from '../pki.ts'
import { alertOf, clientHello, type HelloWish } from './client-hello.ts'
import { tlsAsk } from './tls-client.ts'
import { PEER, startVictim, type Victim } from './victim.ts'

// What comes before any certificate is looked at, at the inbound port.

/** The numbers of alerts (RFC 8446, 6.2). */
const HANDSHAKE_FAILURE = 40
const PROTOCOL_VERSION = 70
const GROUP = {
  secp192r1: 19,
  secp224r1: 21,
  secp256k1: 22,
  'P-256': 23,
  'P-521': 25,
  X25519: 29,
  X448: 30,
  ffdhe2048: 256,
}
const AES_128_GCM_SHA256 = 0x1301
const AES_128_CCM_8_SHA256 = 0x1305
const ECDHE_RSA_AES_128_CBC_SHA = 0xc013
/** CHECKLIST, TLS-11. */
const CLOSED_WITHIN_MS = 10_000

let victim: Victim
beforeAll(async () => {
  victim = await startVictim()
})
afterAll(() => victim.close())

/** Sends it, and returns all that came until the connection was closed. */
async function answerTo(bytes: Buffer): Promise<Buffer> {
  const caller = wire(victim.sidecar.inbound)
  caller.send(bytes)
  await caller.ended()
  return Buffer.from(caller.received, 'latin1')
}

describe('[TLS-11] a client that speaks', () => {
  const old = { groups: [GROUP['P-256']], ciphers: [ECDHE_RSA_AES_128_CBC_SHA] }
  const modern = { version: 'TLSv1.3', ciphers: [AES_128_GCM_SHA256] } as const

  test.each<[string, HelloWish, number]>([
    ['TLS 1.0', { version: 'TLSv1.0', ...old }, PROTOCOL_VERSION],
    ['TLS 1.1', { version: 'TLSv1.1', ...old }, PROTOCOL_VERSION],
    ['TLS 1.2', { version: 'TLSv1.2', ...old }, PROTOCOL_VERSION],
    ['secp192r1 alone', { ...modern, groups: [GROUP.secp192r1] }, HANDSHAKE_FAILURE],
    ['secp224r1 alone', { ...modern, groups: [GROUP.secp224r1, GROUP.secp192r1] }, HANDSHAKE_FAILURE],
    ['secp256k1 alone', { ...modern, groups: [GROUP.secp256k1] }, HANDSHAKE_FAILURE],
    ['ffdhe2048 alone', { ...modern, groups: [GROUP.ffdhe2048] }, HANDSHAKE_FAILURE],
    [
      'a cipher with a short tag alone',
      { version: 'TLSv1.3', groups: [GROUP.X25519], ciphers: [AES_128_CCM_8_SHA256] },
      HANDSHAKE_FAILURE,
    ],
  ])('%s: an alert', async (_, wish, alert) => {
    await victim.refuses(async () => {
      expect(alertOf(await answerTo(clientHello(wish)))).toBe(alert)
      return { received: '' }
    }, /PROTOCOL|VERSION|KEY_SHARE|CIPHER/)
  })

  test('X25519 and a good cipher is answered: the ClientHellos of these tests are whole', async () => {
    const caller = wire(victim.sidecar.inbound)
    caller.send(clientHello({ ...modern, groups: [GROUP.X25519] }))
    // A record of the handshake, with a ServerHello in it.
    await caller.match(/^\x16\x03\x03..\x02/s)
    caller.socket.destroy()
  })

  test("TLS 1.2 of Node's own client, with a good certificate: an alert", async () => {
    const version: SecureVersion = 'TLSv1.2'
    const options = clientWith(leafOf({ id: PEER, issuer: victim.ca }), { minVersion: version, maxVersion: version })
    await victim.refuses(async () => {
      const got = await tlsAsk(victim.sidecar.inbound, options)
      expect(got.error).toContain('alert protocol version')
      return got
    }, /UNSUPPORTED_PROTOCOL/)
  })
})

describe('[TLS-11] garbage', () => {
  test.each<[string, Buffer]>([
    ['that is no record of TLS', Buffer.from('\x00\x01\x02\x03 this is nothing at all, and goes on for a while')],
    ['in a record of the handshake', Buffer.concat([Buffer.from([22, 3, 1, 0, 64]), Buffer.alloc(64, 0xff)])],
    ['in a record of application data', Buffer.concat([Buffer.from([23, 3, 3, 0, 32]), Buffer.alloc(32, 7)])],
    ['of a record that is too long', Buffer.concat([Buffer.from([22, 3, 1, 0xff, 0xff]), Buffer.alloc(1_000, 1)])],
    ['in the middle of a ClientHello', broken(clientHello({ version: 'TLSv1.3', groups: [29], ciphers: [0x1301] }))],
  ])('%s: closed at once', async (_, bytes) => {
    await victim.refuses(async () => {
      await answerTo(bytes)
      return { received: '' }
    }, /./)
  })
})

/** Lengths inside it say more than there is. */
function broken(hello: Buffer): Buffer {
  const bytes = Buffer.from(hello)
  bytes.fill(0xff, 43, 60)
  return bytes
}

describe('[TLS-11] a handshake that never ends is closed within 10 s', () => {
  const hello = clientHello({ version: 'TLSv1.3', groups: [GROUP.X25519], ciphers: [AES_128_GCM_SHA256] })
  const drip = async (socket: Socket): Promise<void> => {
    for (const byte of hello.subarray(0, -1)) {
      if (socket.destroyed) return
      socket.write(Buffer.from([byte]))
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  const stalls: readonly [string, (socket: Socket) => unknown][] = [
    ['nothing', () => undefined],
    ['half of a ClientHello', socket => socket.write(hello.subarray(0, 70))],
    ['a ClientHello byte by byte', drip],
    ['a ClientHello and nothing after it', socket => socket.write(hello)],
  ]

  async function stallAll(policies: readonly Resource[]): Promise<void> {
    const own = await startVictim()
    if (policies.length > 0) await own.sidecar.edit(...policies)
    const port = own.sidecar.inbound
    const lasted = await Promise.all(stalls.map(([, stall]) => lastsMs(port, stall)))
    for (const [i, ms] of lasted.entries()) expect(ms, stalls[i]?.[0]).toBeLessThan(CLOSED_WITHIN_MS)
    // Nobody is closed before a slow network has had its time.
    for (const ms of lasted) expect(ms).toBeGreaterThan(3_500)
    expect(own.application.seen).toBe(0)
    await until(async () => (await own.refusals()) >= stalls.length - policies.length)
    expect(own.causes()).toContain('ERR_TLS_HANDSHAKE_TIMEOUT')
    const good = clientWith(leafOf({ id: PEER, issuer: own.ca }))
    expect((await tlsAsk(port, good)).received).toMatch(/^HTTP\/1\.1 200 /)
    await own.close()
  }

  test('whether it says nothing, stops in the middle, drips, or never answers; in both modes', async () => {
    // In permissive mode, who says nothing has begun no handshake.
    await Promise.all([stallAll([]), stallAll([meshPolicy({ mtls: 'permissive' })])])
  })
})

/** How long a connection lasts on which no handshake is finished. */
function lastsMs(port: number, stall: (socket: Socket) => unknown): Promise<number> {
  return new Promise(resolve => {
    const began = performance.now()
    const socket = connectTcp({ host: '127.0.0.1', port }, () => stall(socket))
    socket.on('error', () => undefined)
    socket.on('data', () => undefined)
    socket.on('end', () => socket.destroy())
    socket.on('close', () => resolve(performance.now() - began))
  })
}

describe('a ClientHello', () => {
  test('[TLS-11] that comes in small fragments, but comes, is served', async () => {
    const { cert, key } = leafOf({ id: PEER, issuer: victim.ca })
    const raw = connectTcp({ host: '127.0.0.1', port: victim.sidecar.inbound, noDelay: true })
    const write = raw.write.bind(raw)
    // Each piece of the handshake leaves on its own.
    const slow = new Proxy(raw, {
      get: (target, name) =>
        name === 'write'
          ? (chunk: Buffer) => [...chunk].every(byte => write(Buffer.from([byte])))
          : Reflect.get(target, name),
    })
    const socket = connect({ socket: slow, ...clientWith({ cert, key }) })
    let received = ''
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
    })
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n'))
    await new Promise(resolve => socket.on('close', resolve))
    expect(received).toMatch(/^HTTP\/1\.1 200 /)
  })
})
