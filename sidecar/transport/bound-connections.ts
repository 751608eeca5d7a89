import type { Server } from 'node:net'

/**
 * Bounds the connections that a server has at once to what `max` says whenever one comes. One that is too many is closed before anything
 * is made of it; `refused` is told. `net.Server` reads its limit with each connection, so that it may be one that changes.
 */
export function boundConnections(server: Server, max: () => number, refused: () => void): void {
  Object.defineProperty(server, 'maxConnections', { get: max })
  server.on('drop', refused)
}
