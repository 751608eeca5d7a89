import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type CaKeyPair,
  type CertificateTemplate,
  checkPeerSvid,
  checkRoot,
  initCaDir,
  loadCaDir,
  makeCa,
  makeCsr,
  makeKeyPair,
  parseCertificate,
  signCertificate,
  toPem,
} from '../../../certs/mod.ts'
import { type SpiffeId, systemClock, type TrustDomain } from '../../../common/mod.ts'
import { openAuthority } from '../../../control-plane/ca/mod.ts'
import { localIdentity } from '../../../sidecar/identity/mod.ts'
import { caOf, leafOf } from '../pki.ts'

// What we sign keeps the rules that we hold others to; and roots are held to theirs.

const trustDomain = 'mesh.test' as TrustDomain
const ID = 'spiffe://mesh.test/ns/shop/sa/web' as SpiffeId
let dir = ''
let ca: CaKeyPair

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-svid-'))
  const made = initCaDir(join(dir, 'ca'), { trustDomain, nowMs: Date.now() })
  if (!made.ok) throw new Error(made.error)
  ca = made.value
})
afterAll(() => rmSync(dir, { recursive: true }))

function factsOf(der: Buffer) {
  const facts = parseCertificate(der)
  if (!facts.ok) throw new Error(facts.error)
  return facts.value
}

/** A leaf as the control plane signs it, and one as a sidecar signs its own in file mode. */
function ourLeaves(): Buffer[] {
  const authority = openAuthority({ dir: join(dir, 'ca'), storeIsNew: true, trustDomain, clock: systemClock })
  if (!authority.ok) throw new Error(authority.error)
  const signed = authority.value.sign(makeCsr({ privateKeyPem: makeKeyPair().privateKeyPem, spiffeId: ID }), ID)
  if (!signed.ok) throw new Error(signed.error.message)
  const local = localIdentity({ caDir: join(dir, 'ca'), namespace: 'shop', serviceAccount: 'web', clock: systemClock })
  if (!local.ok) throw new Error(local.error)
  const own = Buffer.from(local.value.current().certificateChainPem.replace(/-----[^-]*-----|\n/g, ''), 'base64')
  local.value.close()
  return [signed.value.chain[0] ?? Buffer.alloc(0), own]
}

describe('a leaf that we sign', () => {
  test('[SVID-3] has one URI name, with a path, critical names beside its empty subject, and is no CA', () => {
    for (const leaf of ourLeaves()) {
      expect(factsOf(leaf)).toMatchObject({ uriSans: [ID], subjectEmpty: true, sanCritical: true, isCa: false })
      expect(checkPeerSvid(leaf, { trustDomain, nowMs: Date.now(), usage: 'client' })).toEqual({ ok: true, value: ID })
    }
  })

  test('[SVID-4] has a critical key usage of digitalSignature alone, for servers and for clients', () => {
    for (const leaf of ourLeaves()) {
      expect(factsOf(leaf)).toMatchObject({
        keyUsage: ['digitalSignature'],
        keyUsageCritical: true,
        extendedKeyUsage: ['serverAuth', 'clientAuth'],
      })
    }
  })

  test('[SVID-5] names its key and that of its CA, and strict verifiers are content with both', () => {
    writeFileSync(join(dir, 'ca.pem'), toPem('CERTIFICATE', ca.certificateDer))
    for (const leaf of ourLeaves()) {
      const facts = factsOf(leaf)
      expect(facts.subjectKeyId).toHaveLength(20)
      expect(facts.authorityKeyId).toEqual(factsOf(ca.certificateDer).subjectKeyId)
      writeFileSync(join(dir, 'leaf.pem'), toPem('CERTIFICATE', leaf))
      for (const purpose of ['sslclient', 'sslserver']) {
        const args = ['verify', '-x509_strict', '-check_ss_sig', '-purpose', purpose, '-CAfile', 'ca.pem', 'leaf.pem']
        expect(execFileSync('openssl', args, { cwd: dir, encoding: 'utf8' })).toContain('OK')
      }
    }
  })
})

describe('[SVID-5] a root', () => {
  const template: CertificateTemplate = {
    publicKeySpkiDer: makeKeyPair().publicKeySpkiDer,
    subject: { commonName: 'root' },
    serial: Buffer.from([1]),
    notBeforeMs: Date.now() - 1_000,
    notAfterMs: Date.now() + 3_600_000,
    uriSans: ['spiffe://mesh.test'],
    dnsSans: [],
    sanCritical: false,
    isCa: true,
    keyUsage: ['keyCertSign', 'cRLSign'],
    keyUsageCritical: true,
    extendedKeyUsage: [],
  }
  const root = (change: Partial<CertificateTemplate>): Buffer =>
    signCertificate({ ...template, ...change }, makeKeyPair().privateKeyPem)

  test('of ours is a CA with a critical keyCertSign, SKI and AKI, and the ID of its trust domain', () => {
    const { certificateDer } = makeCa({ trustDomain, lifeMs: 3_600_000, nowMs: Date.now() })
    const facts = factsOf(certificateDer)
    expect(facts).toMatchObject({ isCa: true, keyUsageCritical: true, uriSans: ['spiffe://mesh.test'] })
    expect(facts.keyUsage).toContain('keyCertSign')
    expect(facts.subjectKeyId).toHaveLength(20)
    expect(facts.authorityKeyId).toEqual(facts.subjectKeyId)
    expect(checkRoot(certificateDer).ok).toBe(true)
  })

  test('may have no SPIFFE ID at all', () => {
    expect(checkRoot(root({ uriSans: [] })).ok).toBe(true)
  })

  test.each<[string, Partial<CertificateTemplate>]>([
    ['is no CA', { isCa: false }],
    ['may not sign certificates', { keyUsage: ['cRLSign'] }],
    ['has no key usage', { keyUsage: [] }],
    ['has a key usage that is not critical', { keyUsageCritical: false }],
    ['has an ID with a path', { uriSans: ['spiffe://mesh.test/ca'] }],
    ['has an ID with an empty path', { uriSans: ['spiffe://mesh.test/'] }],
    ['has an ID of another scheme', { uriSans: ['https://mesh.test'] }],
    ['has two IDs', { uriSans: ['spiffe://mesh.test', 'spiffe://other.test'] }],
  ])('that %s is taken by nobody: not into a bundle, and not as the CA of a directory', (_, change) => {
    const keys = makeKeyPair()
    const der = signCertificate({ ...template, ...change, publicKeySpkiDer: keys.publicKeySpkiDer }, keys.privateKeyPem)
    expect(checkRoot(der).ok).toBe(false)
    const folder = mkdtempSync(join(dir, 'faulty-'))
    writeFileSync(join(folder, 'ca.crt'), toPem('CERTIFICATE', der))
    writeFileSync(join(folder, 'ca.key'), keys.privateKeyPem, { mode: 0o600 })
    expect(loadCaDir(folder).ok).toBe(false)
  })

  test('is never somebody: no identity comes from it on either side', () => {
    for (const usage of ['client', 'server'] as const) {
      expect(checkPeerSvid(ca.certificateDer, { trustDomain, nowMs: Date.now(), usage }).ok).toBe(false)
    }
    const withPath = leafOf({ id: ID, issuer: caOf('mesh.test'), change: { isCa: true, keyUsage: ['keyCertSign'] } })
    expect(checkPeerSvid(withPath.der, { trustDomain, nowMs: Date.now(), usage: 'client' }).ok).toBe(false)
  })
})
