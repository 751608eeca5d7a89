import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SpiffeId, TrustDomain } from '../common/mod.ts'
import {
  makeCa,
  makeCsr,
  makeKeyPair,
  NOT_BEFORE_BACKDATE_MS,
  parseCertificate,
  signLeaf,
  spkiSha256,
  toPem,
} from './mod.ts'

const trustDomain = 'mesh.example' as TrustDomain
const spiffeId = 'spiffe://mesh.example/ns/bookshop/sa/reviews' as SpiffeId
const dnsNames = ['reviews.bookshop', 'reviews.bookshop.svc.cluster.local']
const HOUR = 3_600_000
// Whole seconds: certificates know no others.
const nowMs = Math.floor(Date.now() / 1000) * 1000

const ca = makeCa({ trustDomain, lifeMs: 24 * HOUR, nowMs })
const keys = makeKeyPair()
function leaf(lifeMs = HOUR, atMs = nowMs): Buffer {
  return signLeaf({
    caCertificateDer: ca.certificateDer,
    caPrivateKeyPem: ca.privateKeyPem,
    publicKeySpkiDer: keys.publicKeySpkiDer,
    spiffeId,
    dnsNames,
    lifeMs,
    nowMs: atMs,
  })
}

function factsOf(der: Buffer) {
  const facts = parseCertificate(der)
  if (!facts.ok) throw new Error(facts.error)
  return facts.value
}

describe('a leaf', () => {
  const facts = factsOf(leaf())

  it('has exactly one URI name, the SPIFFE ID, and the DNS names beside it', () => {
    expect(facts.uriSans).toEqual([spiffeId])
    expect(facts.dnsSans).toEqual(dnsNames)
    expect(facts.otherSanTags).toEqual([])
  })

  it('has no subject, and so its names are critical', () => {
    expect(facts.subjectEmpty).toBe(true)
    expect(facts.sanCritical).toBe(true)
  })

  it('may sign handshakes as server and client, and nothing else', () => {
    expect(facts.keyUsage).toEqual(['digitalSignature'])
    expect(facts.keyUsageCritical).toBe(true)
    expect(facts.extendedKeyUsage).toEqual(['serverAuth', 'clientAuth'])
    expect(facts.isCa).toBe(false)
  })

  it('[FAULT-3] begins more than an hour ago and ends after its life', () => {
    expect(facts.notBeforeMs).toBe(nowMs - NOT_BEFORE_BACKDATE_MS)
    expect(NOT_BEFORE_BACKDATE_MS).toBeGreaterThan(HOUR)
    expect(facts.notAfterMs).toBe(nowMs + HOUR)
  })

  it('ends with its CA, when its own life would be longer', () => {
    expect(factsOf(leaf(48 * HOUR)).notAfterMs).toBe(nowMs + 24 * HOUR)
    expect(factsOf(leaf(24 * HOUR)).notAfterMs).toBe(nowMs + 24 * HOUR)
    expect(factsOf(leaf(24 * HOUR - 1000)).notAfterMs).toBe(nowMs + 24 * HOUR - 1000)
  })

  it('is not signed by a CA that has ended', () => {
    expect(() => leaf(HOUR, nowMs + 24 * HOUR)).toThrow('has not ended')
    expect(factsOf(leaf(HOUR, nowMs + 24 * HOUR - 1000)).notAfterMs).toBe(nowMs + 24 * HOUR)
  })

  it('names its own key and that of its CA', () => {
    expect(facts.subjectKeyId).toHaveLength(20)
    expect(facts.authorityKeyId).toEqual(factsOf(ca.certificateDer).subjectKeyId)
  })

  it('has a positive serial number of 128 bits, never the same', () => {
    const serials = Array.from({ length: 50 }, () => factsOf(leaf()).serialHex)
    expect(new Set(serials).size).toBe(50)
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9a-f]{31}$/)
  })

  it('is read by Node and verifies against its CA', () => {
    const x509 = new X509Certificate(leaf())
    expect(x509.verify(new X509Certificate(ca.certificateDer).publicKey)).toBe(true)
    expect(x509.checkIssued(new X509Certificate(ca.certificateDer))).toBe(true)
  })
})

describe('a CA', () => {
  const facts = factsOf(ca.certificateDer)

  it('names its trust domain without a path', () => {
    expect(facts.uriSans).toEqual(['spiffe://mesh.example'])
  })

  it('may sign certificates and revocation lists, and never authenticates', () => {
    expect(facts.isCa).toBe(true)
    expect(facts.keyUsage).toEqual(['keyCertSign', 'cRLSign'])
    expect(facts.keyUsageCritical).toBe(true)
    expect(facts.extendedKeyUsage).toBeUndefined()
  })

  it('names its own key as its signer', () => {
    expect(facts.subjectKeyId).toHaveLength(20)
    expect(facts.authorityKeyId).toEqual(facts.subjectKeyId)
  })

  it('that outlives 2049 has its end in the four-digit form', () => {
    const late = makeCa({ trustDomain, lifeMs: Date.UTC(2051, 0, 1) - nowMs, nowMs })
    expect(factsOf(late.certificateDer).notAfterMs).toBe(Date.UTC(2051, 0, 1))
    expect(new X509Certificate(late.certificateDer).validToDate).toEqual(new Date(Date.UTC(2051, 0, 1)))
  })

  it('is pinned by its key', () => {
    expect(spkiSha256(ca.certificateDer)).toMatch(/^[0-9a-f]{64}$/)
    expect(spkiSha256(ca.certificateDer)).not.toBe(spkiSha256(leaf()))
    expect(spkiSha256(Buffer.from('nothing'))).toBe('')
  })
})

// These need the openssl program; where it is missing, they fail and say so.
describe("OpenSSL's own tools", () => {
  let dir = ''
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'selvedge-certs-'))
    writeFileSync(join(dir, 'ca.pem'), toPem('CERTIFICATE', ca.certificateDer))
    writeFileSync(join(dir, 'leaf.pem'), toPem('CERTIFICATE', leaf()))
    writeFileSync(join(dir, 'leaf.csr'), makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId }))
  })
  afterAll(() => rmSync(dir, { recursive: true }))

  function openssl(...args: string[]): string {
    return execFileSync('openssl', args, { cwd: dir, encoding: 'utf8', stdio: 'pipe' })
  }

  it('verify the chain under the strict rules, for servers and for clients', () => {
    const strict = ['verify', '-x509_strict', '-check_ss_sig', '-CAfile', 'ca.pem']
    expect(openssl(...strict, '-purpose', 'sslserver', 'leaf.pem')).toContain('OK')
    expect(openssl(...strict, '-purpose', 'sslclient', 'leaf.pem')).toContain('OK')
    expect(openssl(...strict, '-verify_hostname', 'reviews.bookshop', 'leaf.pem')).toContain('OK')
  })

  it('refuse the leaf for another host', () => {
    expect(() => openssl('verify', '-CAfile', 'ca.pem', '-verify_hostname', 'ratings.bookshop', 'leaf.pem')).toThrow()
  })

  it('read our signing request and verify its signature', () => {
    const text = openssl('req', '-inform', 'DER', '-in', 'leaf.csr', '-verify', '-noout', '-text')
    expect(text).toContain(`URI:${spiffeId}`)
  })
})
