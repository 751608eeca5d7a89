import { constants } from 'node:crypto'
import type { ConnectionOptions, PeerCertificate, SecureContextOptions, TLSSocket, TlsOptions } from 'node:tls'
import { checkPeerSvid } from '../../certs/mod.ts'
import { type Clock, err, type Result, type SpiffeId, systemClock } from '../../common/mod.ts'
import type { Svid } from './identity.ts'

/** A handshake that has not ended by then never will; Node waits 120 s. */
const HANDSHAKE_TIMEOUT_MS = 10_000

/**
 * The inbound port: TLS 1.3, and a client certificate of our bundle is demanded. OpenSSL verifies the chain; whoever listens
 * calls `peerOf` on `secureConnection`, before it reads a byte.
 * No resumption: with it, Node accepts a client whose certificate has ended since. For a renewed SVID, call `setSecureContext`
 * of the server with these options.
 */
export function serverTlsOptions(svid: Svid, _mtls: 'strict'): TlsOptions {
  return {
    ...credentialsOf(svid),
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  }
}

/**
 * A connection to the far sidecar of `expected`. The handshake fails unless the server is exactly that identity. Nothing may be
 * written before `secureConnect`: Node sends what was written earlier along with the end of the handshake, before the
 * server's identity has been looked at. No `session` is ever given, for Node doesn't look at the identity of a resumed one.
 * A `secureContext` made of these options once for each SVID saves their parsing for each connection.
 */
export function clientTlsOptions(svid: Svid, expected: SpiffeId, clock: Clock = systemClock): ConnectionOptions {
  return {
    ...credentialsOf(svid),
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => serverFault(certificate, svid, expected, clock),
  }
}

/** Who has connected to the inbound port, by its certificate. */
export function peerOf(socket: TLSSocket, svid: Svid, clock: Clock = systemClock): Result<SpiffeId, string> {
  const der = socket.authorized ? socket.getPeerX509Certificate()?.raw : undefined
  if (der === undefined) return err("Cannot trust the peer's certificate: it shows none that our bundle verifies")
  return checkPeerSvid(der, { trustDomain: svid.trustDomain, nowMs: clock.wallMs(), usage: 'client' })
}

/** The fault in a server's certificate, as `checkServerIdentity` wants it: `undefined` when it is exactly `expected`. */
export function serverFault(
  certificate: Pick<PeerCertificate, 'raw'>,
  svid: Pick<Svid, 'trustDomain'>,
  expected: SpiffeId,
  clock: Clock,
): Error | undefined {
  const rules = { trustDomain: svid.trustDomain, nowMs: clock.wallMs(), usage: 'server' } as const
  const id = checkPeerSvid(certificate.raw, rules)
  if (!id.ok) return new Error(id.error)
  return id.value === expected ? undefined : new Error(`Cannot trust the peer: it is ${id.value}, not ${expected}`)
}

function credentialsOf(svid: Svid): SecureContextOptions {
  return {
    cert: svid.certificateChainPem,
    key: svid.privateKeyPem,
    // The bundle alone: without `ca`, Node would trust the public roots.
    ca: [...svid.trustBundlePem],
    minVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}
