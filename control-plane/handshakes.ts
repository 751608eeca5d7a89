import { tracingChannel } from 'node:diagnostics_channel'
import { Server } from 'node:tls'
import { handshakeFault } from '../certs/mod.ts'

/** Told of each handshake that a server of ours has refused: why, and at which of our ports. */
export type HandshakeRefused = (why: string, port: number) => void

/** What one port may have at once; whoever comes on top is closed before anything is made of it, and told of. */
export interface ConnectionBound {
  readonly connectionsMax: number
  dropped(): void
}

/**
 * Watches the handshakes of all TLS servers that begin to listen while `open` runs, and bounds their connections. gRPC makes its own
 * and shows them to nobody, nor has it an option for either; Node's diagnostics do show them. For each, a failure is an event that nobody else
 * listens to.
 */
export async function watchingHandshakes<T>(
  refused: HandshakeRefused,
  bound: ConnectionBound | undefined,
  open: () => Promise<T>,
): Promise<T> {
  const listening = tracingChannel('net.server.listen')
  const subscriber = {
    asyncStart: (message: object) => {
      const server: unknown = Reflect.get(message, 'server')
      if (!(server instanceof Server)) return
      watch(server, refused)
      if (bound === undefined) return
      server.maxConnections = bound.connectionsMax
      server.on('drop', bound.dropped)
    },
  }
  listening.subscribe(subscriber)
  try {
    return await open()
  } finally {
    listening.unsubscribe(subscriber)
  }
}

function watch(server: Server, refused: HandshakeRefused): void {
  server.on('tlsClientError', (error, socket) => {
    const address = server.address()
    refused(handshakeFault(error, socket), typeof address === 'object' && address !== null ? address.port : 0)
  })
}
