import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Passes bytes on, and counts those that come back from the target. */
export interface CountingProxy {
  readonly address: string
  /** Bytes from the target since the last call. */
  taken(): number
  /** Reads nothing from the target any more, as a receiver whose buffers are full; not for those who connect later, either. */
  stall(): void
  close(): void
}

export async function countingProxy(target: string): Promise<CountingProxy> {
  const sockets = new Set<Socket>()
  const upstreams = new Set<Socket>()
  let bytes = 0
  let stalled = false
  const server = createServer(client => {
    const upstream = connect(Number(target.split(':')[1]), '127.0.0.1')
    upstreams.add(upstream)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {
        client.destroy()
        upstream.destroy()
      })
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    if (!stalled) {
      upstream.on('data', chunk => {
        bytes += chunk.length
      })
    }
    client.pipe(upstream)
    if (!stalled) upstream.pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken() {
      const count = bytes
      bytes = 0
      return count
    },
    stall() {
      stalled = true
      for (const upstream of upstreams) {
        upstream.unpipe()
        upstream.removeAllListeners('data')
        upstream.pause()
      }
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
