import type { TLSSocket } from 'node:tls'

/** Node has no name for every error of OpenSSL's. */
const NAMELESS = 'UNSPECIFIED: its chain breaks a rule, as a signer does that may not sign'

/**
 * Why a server has refused a client in its handshake, for a log: OpenSSL's name for it, or Node's (`CERT_HAS_EXPIRED`). `error` is that of
 * `tlsClientError`. Node ends a peer whose certificate OpenSSL refuses as if it had hung up, and leaves the reason on the socket.
 */
export function handshakeFault(error: NodeJS.ErrnoException, socket: Pick<TLSSocket, 'authorizationError'>): string {
  const refused: unknown = socket.authorizationError
  if (refused === 'UNSPECIFIED') return NAMELESS
  if (typeof refused === 'string') return refused
  return error.code ?? error.message
}

/** What OpenSSL says of a connection in a few words: Node's message of it has several lines, with places in OpenSSL's source. */
export function tlsErrorText(error: Error): string {
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message
}
