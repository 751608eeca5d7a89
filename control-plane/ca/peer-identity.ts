import type { ServerUnaryCall } from '@grpc/grpc-js'
import { checkPeerSvid, parseCertificate } from '../../certs/mod.ts'
import { err, ok, type Result, type SpiffeId, type TrustDomain } from '../../common/mod.ts'

export interface PeerIdentity {
  readonly spiffeId: SpiffeId
  /** Unix time in milliseconds: when the certificate ends, and a stream with it. */
  readonly notAfterMs: number
}

/**
 * Who the caller of a gRPC call over mTLS is, by its certificate. OpenSSL has verified the chain in the handshake; the rules of
 * SPIFFE and the validity are checked here, for each call, because a connection may be older than its certificate's end.
 */
export function peerIdentity(
  call: Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>,
  rules: { readonly trustDomain: TrustDomain /** Unix time in milliseconds. */; readonly nowMs: number },
): Result<PeerIdentity, string> {
  const der = call.getAuthContext().sslPeerCertificate?.raw
  if (der === undefined) return err('Cannot tell who calls: the connection has no verified client certificate')
  const id = checkPeerSvid(der, { ...rules, usage: 'client' })
  if (!id.ok) return id
  const facts = parseCertificate(der)
  return facts.ok ? ok({ spiffeId: id.value, notAfterMs: facts.value.notAfterMs }) : facts
}
