import type { ConnectionEnds } from './upstream/mod.ts'

/** Where one of this sidecar's own ports listens. `host` is an IP address; `0.0.0.0` and `::` are all of this machine's. */
export interface OwnListener {
  readonly host: string
  readonly port: number
}

/**
 * Tells whether a connection that we made has come out at one of our own listeners, where a request would go round in circles. Names
 * and addresses have too many spellings (`localhost`, `127.1`, `::ffff:127.0.0.1`) to tell before.
 */
export function isOwnListener(listeners: readonly OwnListener[], connection: ConnectionEnds): boolean {
  const remote = plainAddress(connection.remoteAddress)
  const onThisMachine =
    remote === plainAddress(connection.localAddress) || remote === '::1' || remote.startsWith('127.')
  return listeners.some(({ host, port }) => {
    if (port !== connection.remotePort) return false
    return host === '0.0.0.0' || host === '::' ? onThisMachine : plainAddress(host) === remote
  })
}

/** An IPv4 address in IPv6's clothes is the IPv4 address. */
function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '')
}
