import { X509Certificate } from 'node:crypto'
import { type CertificateFacts, checkPeerSvid, checkRoot, leadsTo, parseCertificate } from '../../certs/mod.ts'
import { err, ok, parseSpiffeId, type Result, type TrustDomain, trustDomainOf } from '../../common/mod.ts'
import { age } from '../render/mod.ts'

/** What is to be said of some certificates. */
export interface CertificateReport {
  /** Every certificate keeps SPIFFE's rules and is valid now, and the first leads to a root, where roots were given. */
  readonly valid: boolean
  readonly trust: { readonly state: 'trusted' | 'untrusted' | 'not checked'; readonly why: string }
  readonly certificates: readonly ShownCertificate[]
}

export interface ShownCertificate {
  readonly kind: 'leaf' | 'CA'
  /** Its URI names. A leaf that keeps the rules has one: its SPIFFE ID. */
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  readonly key: string
  readonly keyUsage: readonly string[]
  readonly extendedKeyUsage: readonly string[]
  readonly notBefore: string
  readonly notAfter: string
  /** Negative when it has ended. */
  readonly secondsLeft: number
  readonly serial: string
  readonly sha256: string
  /** What it breaks of SPIFFE's rules, or of its time; `undefined`: nothing. */
  readonly problem: string | undefined
}

/** Reads certificates, leaf first. `roots` empty: whom they lead to is not asked. `nowMs` is Unix time in milliseconds. */
export function reportOn(
  ders: readonly Buffer[],
  roots: readonly Buffer[],
  nowMs: number,
): Result<CertificateReport, string> {
  const certificates: ShownCertificate[] = []
  for (const der of ders) {
    const facts = parseCertificate(der)
    if (!facts.ok) return facts
    certificates.push(shown(facts.value, der, nowMs))
  }
  const [first] = ders
  if (first === undefined) return err('there is no certificate')
  const trust = trustOf(first, ders.slice(1), roots, nowMs)
  const valid = trust.state !== 'untrusted' && certificates.every(({ problem }) => problem === undefined)
  return ok({ valid, trust, certificates })
}

/** For a terminal. */
export function reportLines({ trust, certificates, valid }: CertificateReport): string[] {
  return [
    ...certificates.flatMap(certificateLines),
    `trust           ${trust.state}: ${trust.why}`,
    `verdict         ${valid ? 'valid' : 'NOT valid'}`,
  ]
}

function shown(facts: CertificateFacts, der: Buffer, nowMs: number): ShownCertificate {
  const x509 = new X509Certificate(der)
  return {
    kind: facts.isCa ? 'CA' : 'leaf',
    uris: facts.uriSans,
    dnsNames: facts.dnsSans,
    key: keyText(x509),
    keyUsage: facts.keyUsage,
    extendedKeyUsage: facts.extendedKeyUsage ?? [],
    notBefore: new Date(facts.notBeforeMs).toISOString(),
    notAfter: new Date(facts.notAfterMs).toISOString(),
    secondsLeft: Math.floor((facts.notAfterMs - nowMs) / 1_000),
    serial: facts.serialHex,
    sha256: x509.fingerprint256,
    problem: facts.isCa ? rootProblem(facts, der, nowMs) : leafProblem(facts, der, nowMs),
  }
}

/** As a peer would look at it, from either side of a connection. */
function leafProblem(facts: CertificateFacts, der: Buffer, nowMs: number): string | undefined {
  const id = parseSpiffeId(facts.uriSans[0] ?? '')
  const trustDomain = id.ok ? trustDomainOf(id.value) : ('' as TrustDomain)
  for (const usage of ['client', 'server'] as const) {
    const checked = checkPeerSvid(der, { trustDomain, nowMs, usage })
    if (!checked.ok) return checked.error
  }
  return undefined
}

function rootProblem(facts: CertificateFacts, der: Buffer, nowMs: number): string | undefined {
  const checked = checkRoot(der)
  if (!checked.ok) return checked.error
  if (nowMs < facts.notBeforeMs) return `it is valid only from ${new Date(facts.notBeforeMs).toISOString()}`
  return nowMs >= facts.notAfterMs ? `it ended at ${new Date(facts.notAfterMs).toISOString()}` : undefined
}

function trustOf(
  first: Buffer,
  others: readonly Buffer[],
  roots: readonly Buffer[],
  nowMs: number,
): CertificateReport['trust'] {
  if (roots.length === 0) {
    return { state: 'not checked', why: 'give the CA of the mesh with --root FILE' }
  }
  // What came along may stand between the first and the roots, one above the other.
  const anchors = [...roots]
  for (const der of [...others].reverse()) if (isCa(der) && leadsTo(der, anchors, nowMs)) anchors.push(der)
  if (roots.some(root => root.equals(first))) return { state: 'trusted', why: 'it is one of the roots' }
  return leadsTo(first, anchors, nowMs)
    ? { state: 'trusted', why: 'a root that was given has signed it' }
    : { state: 'untrusted', why: 'no root that was given has signed it' }
}

function isCa(der: Buffer): boolean {
  return checkRoot(der).ok
}

function keyText({ publicKey }: X509Certificate): string {
  const { namedCurve, modulusLength } = publicKey.asymmetricKeyDetails ?? {}
  const kind = publicKey.asymmetricKeyType ?? 'unknown'
  if (namedCurve !== undefined) return `ECDSA ${namedCurve === 'prime256v1' ? 'P-256' : namedCurve}`
  return modulusLength === undefined ? kind : `${kind.toUpperCase()} ${modulusLength}`
}

function certificateLines(certificate: ShownCertificate, index: number): string[] {
  const { secondsLeft, problem } = certificate
  const none = (values: readonly string[]): string => (values.length === 0 ? '-' : values.join(', '))
  const left = secondsLeft < 0 ? 'ended' : `${age(secondsLeft * 1_000)} left`
  return [
    `certificate ${index + 1}${certificate.kind === 'CA' ? ' (CA)' : ''}`,
    `  identity      ${none(certificate.uris)}`,
    `  DNS names     ${none(certificate.dnsNames)}`,
    `  key           ${certificate.key}`,
    `  valid         ${certificate.notBefore} to ${certificate.notAfter} (${left})`,
    `  key usage     ${none([...certificate.keyUsage, ...certificate.extendedKeyUsage])}`,
    `  serial        ${certificate.serial}`,
    `  SHA-256       ${certificate.sha256}`,
    `  SVID          ${problem === undefined ? 'keeps the rules' : `breaks the rules: ${problem}`}`,
  ]
}
