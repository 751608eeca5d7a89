import { X509Certificate } from 'node:crypto'

/** A leaf, an intermediate or two, a root. */
const CHAIN_MAX = 8

/**
 * Whether `leaf` was signed by one of `roots`, or by an intermediate CA of its chain that was. OpenSSL has verified in the handshake that the
 * leaf leads to *some* root that it was given; where these are the roots of several trust domains, this says whether it leads to one of the
 * right domain. `nowMs` is Unix time in milliseconds. Never throws.
 */
export function leadsTo(leaf: X509Certificate | Buffer, roots: readonly Buffer[], nowMs: number): boolean {
  try {
    const anchors = roots.map(der => new X509Certificate(der))
    let certificate = Buffer.isBuffer(leaf) ? new X509Certificate(leaf) : leaf
    for (let depth = 0; depth < CHAIN_MAX; depth++) {
      if (anchors.some(anchor => signed(anchor, certificate))) return true
      const next = certificate.issuerCertificate
      if (next === undefined || !next.ca || nowMs >= next.validToDate.getTime() || !signed(next, certificate))
        return false
      certificate = next
    }
  } catch {
    // A certificate that cannot be read signs nothing.
  }
  return false
}

function signed(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}
