import { checkPeerSvid, checkRoot, type KeyPair, leadsTo, parseCertificate, toPem } from '../../certs/mod.ts'
import { err, ok, type Result, type SpiffeId, type TrustDomain } from '../../common/mod.ts'
import type { Svid } from './identity.ts'

/** What an issuer answered. */
export interface Issued {
  /** DER, leaf first. */
  readonly chain: readonly Buffer[]
  /** DER, the roots of the trust domain. */
  readonly trustBundle: readonly Buffer[]
}

/**
 * Puts an issuer's answer and our key together, after looking at all of it: the leaf is for our key and our identity, fit for both
 * sides of a connection, and signed by a root of the bundle.
 */
export function makeSvid(
  issued: Issued,
  keys: KeyPair,
  expected: { readonly spiffeId: SpiffeId; readonly trustDomain: TrustDomain; readonly nowMs: number },
): Result<Svid, string> {
  const [leaf] = issued.chain
  if (leaf === undefined) return err('Cannot use the certificate: the answer holds none')
  const facts = parseCertificate(leaf)
  if (!facts.ok) return facts
  if (!facts.value.publicKeySpkiDer.equals(keys.publicKeySpkiDer)) {
    return err('Cannot use the certificate: it is for another key')
  }
  for (const usage of ['client', 'server'] as const) {
    const id = checkPeerSvid(leaf, { trustDomain: expected.trustDomain, nowMs: expected.nowMs, usage })
    if (!id.ok) return id
    if (id.value !== expected.spiffeId) {
      return err(`Cannot use the certificate: it is for ${id.value}, not ${expected.spiffeId}`)
    }
  }
  for (const root of issued.trustBundle) {
    const checked = checkRoot(root)
    if (!checked.ok) return checked
  }
  // Roots sign leaves themselves in this mesh: there are no intermediates yet.
  if (!leadsTo(leaf, issued.trustBundle, expected.nowMs)) {
    return err('Cannot use the certificate: no root of its bundle has signed it')
  }
  return ok({
    spiffeId: expected.spiffeId,
    certificateChainPem: issued.chain.map(der => toPem('CERTIFICATE', der)).join(''),
    privateKeyPem: keys.privateKeyPem,
    trustBundlePem: issued.trustBundle.map(der => toPem('CERTIFICATE', der)),
    trustDomain: expected.trustDomain,
    notBeforeMs: facts.value.notBeforeMs,
    notAfterMs: facts.value.notAfterMs,
  })
}
