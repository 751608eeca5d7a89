import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import type { OriginalDestination, Port } from '../../common/mod.ts'
import { loadOriginalDst, OwnConnections, openInterception } from '../../sidecar/interception/mod.ts'

const turn = promisify(setImmediate)
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** Where a listener stands, as a connection to it would be going there. */
async function listener(host: string): Promise<{ server: Server; there: OriginalDestination }> {
  const server = createServer()
  closing.push(() => server.close())
  server.listen(0, host)
  await once(server, 'listening')
  const { address, port } = server.address() as AddressInfo
  return { server, there: { address, port: port as Port, family: address.includes(':') ? 6 : 4 } }
}

async function accepted(server: Server): Promise<Socket> {
  const [socket] = (await once(server, 'connection')) as [Socket]
  closing.push(() => socket.destroy())
  return socket
}

function connected(there: OriginalDestination): Socket {
  const socket = connect(there.port, there.address)
  closing.push(() => socket.destroy())
  return socket
}

describe('where a connection was going', () => {
  test.each(['127.0.0.1', '::1'])('is here, for one that nobody has redirected (%s)', async host => {
    const opened = await openInterception('redirect')
    if (!opened.ok) throw new Error(opened.error)
    closing.push(() => opened.value.close())
    const { server, there } = await listener(host)
    connected(there)
    expect(opened.value.arrivalOf(await accepted(server))).toEqual({ kind: 'direct' })
  })

  test('is not asked for where interception is off', async () => {
    const opened = await openInterception('none')
    expect(opened.ok && opened.value.on).toBe(false)
  })

  test.each([
    [
      'another system',
      { platform: 'darwin' },
      /^Cannot intercept connections: darwin has no SO_ORIGINAL_DST\. Use --intercept none/,
    ],
    [
      'no koffi',
      { platform: 'linux', load: () => Promise.reject(new Error("Cannot find package 'koffi'")) },
      /^Cannot intercept connections: koffi, .*does not load: Cannot find package 'koffi'\. Install it .* --intercept none\.$/,
    ],
    [
      'a C library without it',
      {
        platform: 'linux',
        load: async () => ({
          default: {
            load: () => {
              throw new Error('no libc')
            },
          },
        }),
      },
      /does not load: no libc/,
    ],
  ] as const)('cannot be asked with %s, and that is said', async (_what, parts, words) => {
    const loaded = await loadOriginalDst(parts)
    expect(loaded.ok ? 'loaded' : loaded.error).toMatch(words)
  })
})

describe('a connection that we have made ourselves', () => {
  test.each(['127.0.0.1', '::1'])('is known by both its ends, from the moment that it is accepted (%s)', async host => {
    const own = new OwnConnections()
    closing.push(() => own.close())
    const { server, there } = await listener(host)
    const client = connected(there)
    const { remoteAddress, remotePort } = await accepted(server)
    expect(own.has(remoteAddress, remotePort, there)).toBe(true)
    if (client.connecting) await once(client, 'connect')
    expect(own.has(remoteAddress, remotePort, there)).toBe(true)
    // The same port may lead somewhere else, for another program.
    expect(own.has(remoteAddress, remotePort, { ...there, port: 1 as Port })).toBe(false)
    expect(own.has(remoteAddress, 1, there)).toBe(false)
    client.destroy()
    await once(client, 'close')
    expect(own.has(remoteAddress, remotePort, there)).toBe(false)
  })

  test('is not one that was made before anybody looked, nor after', async () => {
    const { server, there } = await listener('127.0.0.1')
    connected(there)
    const before = await accepted(server)
    const own = new OwnConnections()
    expect(own.has(before.remoteAddress, before.remotePort, there)).toBe(false)
    own.close()
    connected(there)
    const after = await accepted(server)
    expect(own.has(after.remoteAddress, after.remotePort, there)).toBe(false)
  })

  test('is forgotten when it could not be made', async () => {
    const own = new OwnConnections()
    closing.push(() => own.close())
    const { server, there } = await listener('127.0.0.1')
    server.close()
    await once(server, 'close')
    const client = connected(there)
    await expect(once(client, 'connect')).rejects.toThrow('ECONNREFUSED')
    await turn()
    expect(own.has('127.0.0.1', client.localPort, there)).toBe(false)
  })
})
