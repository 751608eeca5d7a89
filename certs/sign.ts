import { sign } from 'node:crypto'
import { assert, type TrustDomain } from '../common/mod.ts'
import { bitString, context, encodeDer, encoded, integer, oid, sequence, set, time, utf8String } from './der/write.ts'
import { authorityKeyId, extension, subjectAltName, templateExtensions } from './extensions.ts'
import { keyIdOf, makeKeyPair, publicKeyOf } from './key-pair.ts'
import { OID } from './oids.ts'
import { type CertificateFacts, parseCertificate } from './parse-certificate.ts'
import { type CertificateTemplate, caTemplate, type LeafWish, leafTemplate } from './template.ts'

/** A root with its key. */
export interface CaKeyPair {
  readonly certificateDer: Buffer
  /** PKCS#8, unencrypted, ECDSA P-256. */
  readonly privateKeyPem: string
}

/** Version 3, as X.509 counts (RFC 5280, 4.1.2.1). */
const X509_V3 = Buffer.from([2])
/** Version 1, as PKCS#10 counts (RFC 2986, 4.1). */
const PKCS10_V1 = Buffer.from([0])

/** A new self-signed root for a trust domain, ECDSA P-256. */
export function makeCa(wish: {
  readonly trustDomain: TrustDomain
  readonly lifeMs: number
  /** Unix time in milliseconds. */
  readonly nowMs: number
}): CaKeyPair {
  const keys = makeKeyPair()
  const template = caTemplate({ ...wish, publicKeySpkiDer: keys.publicKeySpkiDer })
  return { certificateDer: signCertificate(template, keys.privateKeyPem), privateKeyPem: keys.privateKeyPem }
}

/**
 * A workload's leaf, signed by a root. It begins no earlier and ends no later than the root does; a root that has ended is an
 * assertion, because whoever signs has looked at `parseCertificate(...).notAfterMs` before.
 */
export function signLeaf(
  wish: LeafWish & { readonly caCertificateDer: Buffer; readonly caPrivateKeyPem: string },
): Buffer {
  const ca = factsOf(wish.caCertificateDer)
  assert(ca.isCa, 'a leaf is signed by a CA')
  assert(wish.nowMs < ca.notAfterMs, 'a leaf is signed by a CA that has not ended')
  const template = leafTemplate(wish)
  return signCertificate(
    {
      ...template,
      notBeforeMs: Math.max(template.notBeforeMs, ca.notBeforeMs),
      notAfterMs: Math.min(template.notAfterMs, ca.notAfterMs),
    },
    wish.caPrivateKeyPem,
    wish.caCertificateDer,
  )
}

/**
 * Signs whatever a template says, by the CA `issuerDer`, or by itself when there is none. The templates of this room keep the rules
 * of SPIFFE; others are made by those who want to see a certificate refused.
 */
export function signCertificate(template: CertificateTemplate, privateKeyPem: string, issuerDer?: Buffer): Buffer {
  const issuer = issuerDer === undefined ? undefined : factsOf(issuerDer)
  const subject = nameOf(template.subject)
  const signerKeyId = issuer?.subjectKeyId ?? keyIdOf(publicKeyOf(privateKeyPem))
  const toBeSigned = sequence(
    context(0, integer(X509_V3)),
    integer(template.serial),
    sequence(oid(OID.ecdsaWithSha256)),
    issuer === undefined ? subject : encoded(issuer.subjectDer),
    sequence(time(template.notBeforeMs), time(template.notAfterMs)),
    subject,
    encoded(template.publicKeySpkiDer),
    context(3, sequence(...templateExtensions(template), ...authorityKeyId(signerKeyId))),
  )
  return signed(toBeSigned, privateKeyPem)
}

/** A signing request, PKCS#10: it asks for one SPIFFE ID and nothing else, and proves that the asker has the key. */
export function makeCsr(wish: { readonly privateKeyPem: string; readonly spiffeId: string }): Buffer {
  return makeCsrOf({ privateKeyPem: wish.privateKeyPem, uriSans: [wish.spiffeId], dnsSans: [] })
}

/** A signing request for any names; ours ask for one SPIFFE ID. */
export function makeCsrOf(wish: {
  readonly privateKeyPem: string
  readonly uriSans: readonly string[]
  readonly dnsSans: readonly string[]
  /** Further extensions to ask for. */
  readonly extensions?: readonly ReturnType<typeof extension>[]
}): Buffer {
  const san = extension(OID.subjectAltName, true, subjectAltName(wish.uriSans, wish.dnsSans))
  const request = sequence(san, ...(wish.extensions ?? []))
  const toBeSigned = sequence(
    integer(PKCS10_V1),
    sequence(),
    encoded(publicKeyOf(wish.privateKeyPem)),
    context(0, sequence(oid(OID.extensionRequest), set(request))),
  )
  return signed(toBeSigned, wish.privateKeyPem)
}

function factsOf(certificateDer: Buffer): CertificateFacts {
  const facts = parseCertificate(certificateDer)
  assert(facts.ok, 'the issuer is a certificate')
  return facts.value
}

function signed(toBeSigned: ReturnType<typeof sequence>, privateKeyPem: string): Buffer {
  const signature = sign('sha256', encodeDer(toBeSigned), privateKeyPem)
  return encodeDer(sequence(toBeSigned, sequence(oid(OID.ecdsaWithSha256)), bitString(signature)))
}

function nameOf(subject: CertificateTemplate['subject']): ReturnType<typeof sequence> {
  const parts = []
  if (subject.organization !== undefined) parts.push(relativeName(OID.organization, subject.organization))
  if (subject.commonName !== undefined) parts.push(relativeName(OID.commonName, subject.commonName))
  return sequence(...parts)
}

function relativeName(type: string, text: string): ReturnType<typeof sequence> {
  return set(sequence(oid(type), utf8String(text)))
}
