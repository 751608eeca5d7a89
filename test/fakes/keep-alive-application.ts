import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** An HTTP server with an idle limit of its own. */
export interface KeepAliveApplication {
  readonly port: number
  /** Connections so far that have carried a request: a sidecar looks now and then whether the port answers, too. */
  readonly connections: number
  /** Those that ended because nothing came: the server's own doing. */
  readonly idled: number
  close(): Promise<void>
}

/**
 * A real `node:http` server that ends a connection on which nothing has come for `limitMs`. `silent` keeps from its callers what it does: no
 * `Keep-Alive: timeout=N`, which Node adds (in whole seconds) otherwise.
 */
export async function keepAliveApplication(limitMs: number, silent = false): Promise<KeepAliveApplication> {
  const counts = { connections: 0, idled: 0 }
  const used = new WeakSet<Socket>()
  const server = createServer((request, response) => {
    if (!used.has(request.socket)) counts.connections++
    used.add(request.socket)
    request.resume()
    request.on('end', () => {
      // Node adds none where the answer says what it does itself.
      if (silent) response.setHeader('connection', 'keep-alive')
      response.writeHead(200, { 'content-length': 2 }).end('ok')
    })
  })
  server.keepAliveTimeout = limitMs
  // Node waits for a second longer than it says, for the sake of callers without a margin of their own.
  server.keepAliveTimeoutBuffer = 0
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('timeout', () => {
      if (used.has(socket)) counts.idled++
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return counts.connections
    },
    get idled() {
      return counts.idled
    },
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
