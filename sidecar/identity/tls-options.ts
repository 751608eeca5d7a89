import { constants } from 'node:crypto'
import type { ConnectionOptions, PeerCertificate, SecureContextOptions, TLSSocket, TlsOptions } from 'node:tls'
import { checkPeerSvid, fromPem, type KnownLeaves, leadsTo, parseCertificate } from '../../certs/mod.ts'
import {
  type Clock,
  err,
  parseSpiffeId,
  type Result,
  type SpiffeId,
  systemClock,
  type TrustDomain,
  trustDomainOf,
} from '../../common/mod.ts'
import type { Svid } from './identity.ts'

/**
 * A handshake takes milliseconds, and callers of ours give up on a connection after 1 s; Node waits 120 s. With the time that a caller has for
 * its first byte (`transport/listen`) it is less than 10 s.
 */
const HANDSHAKE_TIMEOUT_MS = 5_000
/** Of 128 bits of security and more (NIST SP 800-57), the fastest first among those that need no post-quantum share. */
const GROUPS = 'X25519MLKEM768:X25519:P-256:P-384'

/** What we speak, the better first (RFC 7301). Who offers nothing is taken to speak HTTP/1.1, unless it begins with HTTP/2's preface. */
const PROTOCOLS = ['h2', 'http/1.1']

/**
 * The inbound port: TLS 1.3, and a client certificate of our bundle is demanded. OpenSSL verifies the chain; whoever listens
 * calls `peerOf` on `secureConnection`, before it reads a byte.
 * No resumption: with it, Node accepts a client whose certificate has ended since. For a renewed SVID, call `setSecureContext`
 * of the server with these options.
 */
export function serverTlsOptions(svid: Svid, _mtls: 'strict'): TlsOptions {
  return {
    ...credentialsOf(svid, everyBundle(svid)),
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: PROTOCOLS,
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
    ...credentialsOf(svid, bundleOf(svid, trustDomainOf(expected)) ?? []),
    rejectUnauthorized: true,
    ALPNProtocols: PROTOCOLS,
    checkServerIdentity: (_host, certificate) =>
      serverFault(certificate, { trustDomain: trustDomainOf(expected) }, expected, clock),
  }
}

/**
 * Who has connected to the inbound port, by its certificate. OpenSSL has verified that it leads to a root of ours or of a federated domain;
 * here it must lead to a root of the very domain that its SPIFFE ID names. `known`: what is remembered of leaves from one connection to the next.
 */
export function peerOf(
  socket: TLSSocket,
  svid: Svid,
  clock: Clock = systemClock,
  known?: KnownLeaves,
): Result<SpiffeId, string> {
  const leaf = socket.authorized ? socket.getPeerX509Certificate() : undefined
  if (leaf === undefined) return err("Cannot trust the peer's certificate: it shows none that our bundle verifies")
  const nowMs = clock.wallMs()
  const federated = svid.federatedBundles ?? NO_BUNDLES
  const claimed = federated.size === 0 ? svid.trustDomain : domainClaimedBy(leaf.raw)
  const bundle = claimed === undefined ? undefined : bundleOf(svid, claimed)
  const trustDomain = claimed === undefined || bundle === undefined ? svid.trustDomain : claimed
  const id = checkPeerSvid(leaf.raw, { trustDomain, nowMs, usage: 'client' }, known)
  if (!id.ok || federated.size === 0) return id
  if (
    leadsTo(
      leaf,
      (bundle ?? []).flatMap(pem => fromPem(pem)),
      nowMs,
    )
  )
    return id
  return err(`Cannot trust the peer's certificate: no root of the trust domain "${trustDomain}" has signed it`)
}

/** The fault in a server's certificate, as `checkServerIdentity` wants it: `undefined` when it is exactly `expected`. */
export function serverFault(
  certificate: Pick<PeerCertificate, 'raw'>,
  svid: Pick<Svid, 'trustDomain'>,
  expected: SpiffeId,
  clock: Clock,
): Error | undefined {
  try {
    const rules = { trustDomain: svid.trustDomain, nowMs: clock.wallMs(), usage: 'server' } as const
    const id = checkPeerSvid(certificate.raw, rules)
    if (!id.ok) return new Error(id.error)
    return id.value === expected ? undefined : new Error(`Cannot trust the peer: it is ${id.value}, not ${expected}`)
  } catch (error) {
    // Node calls this from within OpenSSL's callback, where nobody would catch it: the process would end for one connection.
    return new Error('Cannot look at the certificate of the peer: an exception in this sidecar', { cause: error })
  }
}

const NO_BUNDLES: ReadonlyMap<TrustDomain, readonly string[]> = new Map()

/** The roots that may vouch for identities of `domain`. `undefined`: none is known, and nobody is believed. */
function bundleOf(svid: Svid, domain: TrustDomain): readonly string[] | undefined {
  return domain === svid.trustDomain ? svid.trustBundlePem : svid.federatedBundles?.get(domain)
}

/** OpenSSL takes one list only: who listens cannot know whose certificate comes. `peerOf` keeps the domains apart. */
function everyBundle(svid: Svid): readonly string[] {
  return [...svid.trustBundlePem, ...[...(svid.federatedBundles ?? NO_BUNDLES).values()].flat()]
}

/** The trust domain that a certificate says it is of. */
function domainClaimedBy(der: Buffer): TrustDomain | undefined {
  const facts = parseCertificate(der)
  const id = facts.ok ? parseSpiffeId(facts.value.uriSans[0] ?? '') : facts
  return id.ok ? trustDomainOf(id.value) : undefined
}

function credentialsOf(svid: Svid, bundle: readonly string[]): SecureContextOptions {
  return {
    cert: svid.certificateChainPem,
    key: svid.privateKeyPem,
    // The bundle alone: without `ca`, Node would trust the public roots.
    ca: [...bundle],
    minVersion: 'TLSv1.3',
    ecdhCurve: GROUPS,
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}
