import { channel } from 'node:diagnostics_channel'
import { Socket } from 'node:net'
import type { OriginalDestination } from '../../common/mod.ts'
import { plainAddress } from './socket-address.ts'

interface SocketName {
  address?: string
  port?: number
}

/** What Node keeps of a socket beside what it documents. Its documented ports, asked while it connects, would remember that there are none. */
interface ConnectingSocket {
  readonly _handle: { getsockname?(out: SocketName): number; getpeername?(out: SocketName): number } | null
}

/**
 * All TCP connections that this process makes. What comes back to us from one of them has been redirected in a circle, because the rules do
 * not know which user we are. Node tells of each connection on a channel of its own, so that nobody who dials has to.
 */
export class OwnConnections {
  private readonly sockets = channel('net.client.socket')
  /** Their ends are settled, but nobody has told us. Few: each is here for as long as its connection is being made. */
  private readonly connecting = new Set<Socket>()
  /** By both ends, as two connections may have one local port when they lead to different places. */
  private readonly connected = new Set<string>()

  constructor() {
    this.sockets.subscribe(this.made)
  }

  /** Whether a connection from `address:port` to `original`, which we accepted, is one that we made ourselves. */
  has(address: string | undefined, port: number | undefined, original: OriginalDestination): boolean {
    const ends = endsOf({ address, port }, original)
    if (ends === undefined) return false
    if (this.connected.has(ends)) return true
    for (const socket of this.connecting) if (endsWhileConnecting(socket) === ends) return true
    return false
  }

  close(): void {
    this.sockets.unsubscribe(this.made)
    this.connecting.clear()
    this.connected.clear()
  }

  private readonly made = (message: unknown): void => {
    const socket = typeof message === 'object' && message !== null ? Reflect.get(message, 'socket') : undefined
    if (!(socket instanceof Socket)) return
    this.connecting.add(socket)
    let ends: string | undefined
    socket.once('connect', () => {
      this.connecting.delete(socket)
      const { localAddress, localPort, remoteAddress, remotePort } = socket
      ends = endsOf({ address: localAddress, port: localPort }, { address: remoteAddress, port: remotePort })
      if (ends !== undefined) this.connected.add(ends)
    })
    socket.once('close', () => {
      this.connecting.delete(socket)
      if (ends !== undefined) this.connected.delete(ends)
    })
  }
}

function endsWhileConnecting(socket: Socket): string | undefined {
  const handle = (socket as unknown as ConnectingSocket)._handle
  const local: SocketName = {}
  const remote: SocketName = {}
  // Who can't say its far end has none yet: it is not the connection that we have accepted.
  if (handle?.getsockname?.(local) !== 0 || handle.getpeername?.(remote) !== 0) return undefined
  return endsOf(local, remote)
}

type End = { readonly address?: string | undefined; readonly port?: number | undefined }

function endsOf(local: End, remote: End): string | undefined {
  if (local.address === undefined || remote.address === undefined) return undefined
  return `${plainAddress(local.address)}:${local.port}>${plainAddress(remote.address)}:${remote.port}`
}
