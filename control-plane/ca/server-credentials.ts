import { constants } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import { ServerCredentials } from '@grpc/grpc-js'
import type { OwnLeaf, ServerIdentity } from './own-leaf.ts'

/** A handshake that has not ended by then never will; Node waits 120 s. */
const HANDSHAKE_TIMEOUT_MS = 10_000

/** Server TLS alone, for callers that have no certificate yet. Follows the rotation of `leaf`. */
export function enrolmentServerCredentials(leaf: OwnLeaf): ServerCredentials {
  return new RotatingCredentials(leaf, false)
}

/** TLS with a client certificate of our trust domain demanded. Follows the rotation of `leaf`. */
export function discoveryServerCredentials(leaf: OwnLeaf): ServerCredentials {
  return new RotatingCredentials(leaf, true)
}

/**
 * grpc-js hands what a ServerCredentials has to `http2.createSecureServer`, and each update to `setSecureContext`. Its own
 * `createSsl` neither follows a rotation nor sets a version or ticket options; this class, which is exported to be extended, does.
 * Connections that are open keep the certificate that they began with.
 */
class RotatingCredentials extends ServerCredentials {
  constructor(leaf: OwnLeaf, demandsClientCertificate: boolean) {
    super(
      {
        requestCert: demandsClientCertificate,
        rejectUnauthorized: demandsClientCertificate,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      },
      contextOf(leaf.current()),
    )
    leaf.onChange(identity => this.updateSecureContextOptions(contextOf(identity)))
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other
  }
}

function contextOf(identity: ServerIdentity): SecureContextOptions {
  return {
    ca: identity.rootPem,
    cert: identity.chainPem,
    key: identity.privateKeyPem,
    minVersion: 'TLSv1.3',
    // A resumed session is accepted after its client's certificate has ended.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}
