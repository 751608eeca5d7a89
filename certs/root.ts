import { err, ok, parseTrustDomain, type Result, type TrustDomain } from '../common/mod.ts'
import { type CertificateFacts, parseCertificate } from './parse-certificate.ts'

/**
 * What may stand in a bundle (X.509-SVID, sections 3.1 and 4): a CA that may sign certificates, by a critical key usage, and whose SPIFFE ID,
 * where it has one, is that of a trust domain: without a path. Returns what it says. Never throws.
 */
export function checkRoot(der: Buffer): Result<CertificateFacts, string> {
  const facts = parseCertificate(der)
  if (!facts.ok) return facts
  const { isCa, keyUsage, keyUsageCritical, uriSans } = facts.value
  if (!isCa || !keyUsageCritical || !keyUsage.includes('keyCertSign')) {
    return err("Cannot trust the root: it is not a CA's certificate, with a critical key usage of keyCertSign")
  }
  if (uriSans.length === 0) return facts
  const named = trustDomainOfRoot(uriSans)
  return named.ok ? facts : err(`Cannot trust the root: ${named.error}`)
}

/** The trust domain that a root speaks for: its one URI SAN, `spiffe://<trust-domain>`, without a path (X.509-SVID, section 3.1). */
export function trustDomainOfRoot(uriSans: readonly string[]): Result<TrustDomain, string> {
  const [uri = ''] = uriSans
  if (uriSans.length !== 1 || !uri.startsWith('spiffe://')) return err('the root does not name its trust domain')
  const domain = parseTrustDomain(uri.slice('spiffe://'.length))
  return domain.ok ? ok(domain.value) : domain
}
