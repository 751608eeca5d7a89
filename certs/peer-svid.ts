import { err, ok, parseSpiffeId, type Result, type SpiffeId, type TrustDomain, trustDomainOf } from '../common/mod.ts'
import { readPublicKey } from './key-pair.ts'
import { type CertificateFacts, parseCertificate } from './parse-certificate.ts'

export interface PeerRules {
  readonly trustDomain: TrustDomain
  /** Unix time in milliseconds. */
  readonly nowMs: number
  /** What the peer is to us: a client that has connected, or the server that we have connected to. */
  readonly usage: 'client' | 'server'
}

/** RFC 1123 names, and the wildcard that certificates may have. */
const DNS_NAME = /^[A-Za-z0-9*._-]{1,255}$/
/** RFC 5321 allows a comma within quotes; who splits names at commas would read two of them. */
const EMAIL_NAME = /^[^,]{1,320}$/

/** Peers come again and again with the same leaf, and with a new one once in hours. */
const KNOWN_LEAVES_MAX = 512

/** What time doesn't change of a leaf. */
interface Leaf {
  readonly facts: CertificateFacts
  readonly keyFault: string | undefined
}

/**
 * Leaves that were read before, by their very bytes: to read one costs a fifth of a whole handshake. Only for leaves that OpenSSL has verified, so that
 * nobody else can fill it.
 */
export class KnownLeaves {
  private readonly leaves = new Map<string, Leaf>()

  read(der: Buffer): Result<Leaf, string> {
    const bytes = der.toString('latin1')
    const known = this.leaves.get(bytes)
    if (known !== undefined) return ok(known)
    const leaf = readLeaf(der)
    if (!leaf.ok) return leaf
    if (this.leaves.size >= KNOWN_LEAVES_MAX) this.leaves.clear()
    this.leaves.set(bytes, leaf.value)
    return leaf
  }
}

function readLeaf(der: Buffer): Result<Leaf, string> {
  const facts = parseCertificate(der)
  return facts.ok ? ok({ facts: facts.value, keyFault: keyFault(facts.value) }) : facts
}

/**
 * Who a peer is, by the X.509-SVID rules (sections 2 to 5). For a leaf whose chain and signature OpenSSL has verified against
 * the bundle of `trustDomain`; this looks at what OpenSSL does not know. `known` saves the reading of a leaf that was seen before. Never throws.
 */
export function checkPeerSvid(der: Buffer, rules: PeerRules, known?: KnownLeaves): Result<SpiffeId, string> {
  const leaf = known === undefined ? readLeaf(der) : known.read(der)
  if (!leaf.ok) return leaf
  const { facts } = leaf.value
  const fault =
    identityFault(facts) ?? usageFault(facts, rules) ?? validityFault(facts, rules.nowMs) ?? leaf.value.keyFault
  if (fault !== undefined) return err(`Cannot trust the peer's certificate: ${fault}`)
  const [uri = ''] = facts.uriSans
  const id = parseSpiffeId(uri)
  if (!id.ok) return err(`Cannot trust the peer's certificate: ${id.error}`)
  const domain = trustDomainOf(id.value)
  if (domain !== rules.trustDomain) {
    return err(`Cannot trust the peer's certificate: it is of the trust domain "${domain}", not "${rules.trustDomain}"`)
  }
  if (id.value === `spiffe://${domain}`) return err(`Cannot trust the peer's certificate: its SPIFFE ID has no path`)
  // parseSpiffeId lowers the case of scheme and domain, as IDs written by hand need; in a certificate they must be exact.
  if (id.value !== uri) return err(`Cannot trust the peer's certificate: "${uri}" is not in its normal form`)
  return id
}

function identityFault(facts: CertificateFacts): string | undefined {
  if (facts.uriSans.length !== 1) return `it has ${facts.uriSans.length} URI names, and an SVID has exactly one`
  if (facts.subjectEmpty && !facts.sanCritical) return 'its subject is empty and its names are not critical'
  if (!facts.dnsSans.every(name => DNS_NAME.test(name))) return 'one of its DNS names is not a DNS name'
  if (!facts.emailSans.every(name => EMAIL_NAME.test(name))) return 'one of its e-mail names is not an e-mail address'
  return undefined
}

function usageFault(facts: CertificateFacts, rules: PeerRules): string | undefined {
  if (facts.isCa) return 'it is a CA, and a CA is nobody'
  if (!facts.keyUsageCritical || !facts.keyUsage.includes('digitalSignature')) {
    return 'it lacks a critical key usage with digitalSignature'
  }
  if (facts.keyUsage.includes('keyCertSign') || facts.keyUsage.includes('cRLSign'))
    return 'its key may sign certificates'
  // Absent is allowed: X.509-SVID, section 4.4, and RFC 5280, 4.2.1.12.
  const wanted = rules.usage === 'client' ? 'clientAuth' : 'serverAuth'
  if (facts.extendedKeyUsage !== undefined && !facts.extendedKeyUsage.includes(wanted)) return `it is not for ${wanted}`
  return undefined
}

function keyFault(facts: CertificateFacts): string | undefined {
  const key = readPublicKey(facts.publicKeySpkiDer)
  return key.ok ? undefined : key.error
}

/** The last moment is no longer valid, as in OpenSSL's X509_cmp_time. */
function validityFault(facts: CertificateFacts, nowMs: number): string | undefined {
  if (nowMs < facts.notBeforeMs)
    return `it is valid only from ${new Date(facts.notBeforeMs).toISOString()}: compare the clocks`
  if (nowMs >= facts.notAfterMs) return `it ended at ${new Date(facts.notAfterMs).toISOString()}`
  return undefined
}
