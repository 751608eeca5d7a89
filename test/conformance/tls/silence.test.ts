import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net'
import { connect } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { clientTlsOptions, type Svid } from '../../../sidecar/identity/mod.ts'
import { MeshListener } from '../../../sidecar/transport/mod.ts'
import { until } from '../../in-process/mesh.ts'
import { caOf, leafOf, svidOf } from '../pki.ts'

// A permissive inbound port takes mTLS and plaintext, and in plaintext an application may be the one that speaks first.

const CALLER = 'spiffe://mesh.test/ns/shop/sa/web'
const CALLEE = 'spiffe://mesh.test/ns/shop/sa/mysql'
const ca = caOf('mesh.test')

function svid(id: string): Svid {
  return svidOf(leafOf({ id, issuer: ca }), id, [ca.certificateDer])
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** `takes`: whether silent callers are taken, greeted, and given back at the first byte of TLS. */
async function listening(permissive: boolean, takes: boolean) {
  const seen: string[] = []
  const listener = new MeshListener(svid(CALLEE), {
    permissive: () => permissive,
    secured: socket => {
      seen.push('secured')
      socket.end('over mTLS')
    },
    silent: (socket, secure) => {
      seen.push('silent')
      if (!takes) return false
      const onData = (chunk: Buffer): void => {
        socket.removeListener('data', onData)
        if (chunk[0] === 0x16) secure(chunk)
        else socket.end(`you said ${chunk.toString('latin1')}`)
      }
      socket.on('data', onData)
      return true
    },
    plain: (socket, first) => {
      seen.push('plain')
      socket.end(`you said ${first.toString('latin1')}`)
    },
    handshakeFailed: why => void seen.push(why),
    broken: error => void seen.push(`broken ${error}`),
  })
  listener.server.listen(0, '127.0.0.1')
  await once(listener.server, 'listening')
  closing.push(() => listener.server.close())
  return { seen, port: (listener.server.address() as AddressInfo).port }
}

async function silentFor(ms: number, port: number): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port })
  closing.push(() => socket.destroy())
  await once(socket, 'connect')
  await new Promise(resolve => setTimeout(resolve, ms))
  return socket
}

async function heardBy(socket: Socket): Promise<string> {
  let received = ''
  socket.on('data', chunk => {
    received += chunk.toString('latin1')
  })
  await once(socket, 'end')
  return received
}

function secured(socket: Socket): Socket {
  return connect({ ...clientTlsOptions(svid(CALLER), svid(CALLEE).spiffeId), socket })
}

describe('a caller in permissive mode', () => {
  test('that speaks at once is told from mTLS by its first byte', async () => {
    const { seen, port } = await listening(true, true)
    const plain = await silentFor(0, port)
    plain.write('hello')
    expect(await heardBy(plain)).toBe('you said hello')
    expect(await heardBy(secured(await silentFor(0, port)))).toBe('over mTLS')
    // On a busy machine, what comes at once may come late.
    expect(seen.filter(each => each !== 'silent')).toEqual(seen.includes('plain') ? ['plain', 'secured'] : ['secured'])
  })

  test('that is silent is offered to who may connect it, and speaks to that one from then on', async () => {
    const { seen, port } = await listening(true, true)
    const socket = await silentFor(0, port)
    await until(() => seen.length === 1)
    socket.write('late')
    expect(await heardBy(socket)).toBe('you said late')
    expect(seen).toEqual(['silent'])
  })

  test('that is silent, and means mTLS all the same, has its handshake', async () => {
    const { seen, port } = await listening(true, true)
    const socket = await silentFor(0, port)
    await until(() => seen.length === 1)
    expect(await heardBy(secured(socket))).toBe('over mTLS')
    expect(seen).toEqual(['silent', 'secured'])
  })

  test('that nobody takes is waited for as before', async () => {
    const { seen, port } = await listening(true, false)
    const socket = await silentFor(0, port)
    await until(() => seen.length === 1)
    socket.write('late')
    expect(await heardBy(socket)).toBe('you said late')
    expect(seen).toEqual(['silent', 'plain'])
  })
})

test('a strict port offers nobody: whoever is silent has its handshake to come', async () => {
  const { seen, port } = await listening(false, true)
  const socket = await silentFor(120, port)
  expect(seen).toEqual([])
  expect(await heardBy(secured(socket))).toBe('over mTLS')
  expect(seen).toEqual(['secured'])
})
