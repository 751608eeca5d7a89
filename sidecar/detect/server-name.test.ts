import { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serverNameOf } from './mod.ts'

/** What Node's own client says first. */
function clientHello(servername: string): Promise<Buffer> {
  return new Promise(resolve => {
    const socket = new Duplex({ read() {}, write: chunk => void resolve(chunk as Buffer) })
    connect({ socket, servername, ALPNProtocols: ['h2', 'http/1.1'] }).on('error', () => undefined)
  })
}

describe('the name in a ClientHello', () => {
  test('is the host that the client asks for', async () => {
    for (const name of ['a', 'db.shop.svc.cluster.local', `${'x'.repeat(63)}.example`]) {
      expect(serverNameOf(await clientHello(name))).toBe(name)
    }
  })

  test('is none where the client names none', async () => {
    expect(serverNameOf(await clientHello(''))).toBeUndefined()
  })

  test('is the name or none, wherever the hello is cut', async () => {
    const hello = await clientHello('db.shop')
    for (let cut = 0; cut < hello.length; cut++) {
      expect([undefined, 'db.shop']).toContain(serverNameOf(hello.subarray(0, cut)))
    }
  })

  test('is a name that could be one, whatever is sent, and nothing throws', async () => {
    const hello = await clientHello('db.shop')
    fc.assert(
      fc.property(fc.nat(hello.length - 1), fc.uint8Array({ minLength: 1, maxLength: 40 }), (at, bytes) => {
        const broken = Buffer.from(hello)
        broken.set(bytes.subarray(0, hello.length - at), at)
        const name = serverNameOf(broken)
        if (name !== undefined) expect(name).toMatch(/^[a-zA-Z0-9_.-]{1,253}$/)
      }),
    )
    expect(serverNameOf(Buffer.from([0x16]))).toBeUndefined()
    expect(serverNameOf(Buffer.from('GET / HTTP/1.1\r\n'))).toBeUndefined()
    expect(serverNameOf(Buffer.alloc(0))).toBeUndefined()
  })
})
