import { describe, expect, it } from 'vitest'
import type { SpiffeId, TrustDomain } from '../common/mod.ts'
import {
  type CertificateTemplate,
  checkPeerSvid,
  KnownLeaves,
  leafTemplate,
  makeCa,
  makeKeyPair,
  signCertificate,
} from './mod.ts'

const nowMs = Date.UTC(2026, 5, 1)
const HOUR = 3_600_000
const trustDomain = 'mesh.example' as TrustDomain
const spiffeId = 'spiffe://mesh.example/ns/bookshop/sa/reviews' as SpiffeId
const ca = makeCa({ trustDomain, lifeMs: 24 * HOUR, nowMs })
const keys = makeKeyPair()
const template = leafTemplate({
  publicKeySpkiDer: keys.publicKeySpkiDer,
  spiffeId,
  dnsNames: ['a.b'],
  lifeMs: HOUR,
  nowMs,
})

function check(change: Partial<CertificateTemplate>, atMs = nowMs, usage: 'client' | 'server' = 'client') {
  const der = signCertificate({ ...template, ...change }, ca.privateKeyPem, ca.certificateDer)
  return checkPeerSvid(der, { trustDomain, nowMs: atMs, usage })
}

function refused(why: string) {
  return { ok: false, error: expect.stringContaining(why) }
}

describe("a peer's certificate", () => {
  it('names the peer by its SPIFFE ID', () => {
    expect(check({})).toEqual({ ok: true, value: spiffeId })
    expect(check({}, nowMs, 'server')).toEqual({ ok: true, value: spiffeId })
  })

  it('with two URI names, or none, is refused', () => {
    expect(check({ uriSans: [spiffeId, 'spiffe://mesh.example/other'] })).toEqual(refused('has 2 URI names'))
    expect(check({ uriSans: [spiffeId, spiffeId] })).toEqual(refused('has 2 URI names'))
    expect(check({ uriSans: [] })).toEqual(refused('has 0 URI names'))
  })

  it('whose URI is no SPIFFE ID with a path is refused', () => {
    for (const uri of [
      'https://mesh.example/ns',
      'spiffe://mesh.example',
      'spiffe://mesh.example/',
      'spiffe://mesh.example/a/../b',
    ]) {
      expect(check({ uriSans: [uri] }).ok).toBe(false)
    }
    expect(check({ uriSans: [`${spiffeId},URI:spiffe://mesh.example/x`] }).ok).toBe(false)
  })

  it('of another trust domain is refused, however alike it looks', () => {
    for (const domain of ['evil.example', 'mesh.example.evil', 'mesh.exampl', 'mesh.example2']) {
      expect(check({ uriSans: [`spiffe://${domain}/ns/bookshop/sa/reviews`] })).toEqual(refused('trust domain'))
    }
    expect(check({ uriSans: ['spiffe://MESH.example/ns/bookshop/sa/reviews'] })).toEqual(refused('normal form'))
  })

  it('gains no identity from a DNS name with SPIFFE text', () => {
    expect(check({ uriSans: [], dnsSans: [spiffeId] })).toEqual(refused('has 0 URI names'))
    expect(check({ dnsSans: [spiffeId] })).toEqual(refused('not a DNS name'))
    expect(check({ dnsSans: ['a.b,URI:spiffe://mesh.example/x'] })).toEqual(refused('not a DNS name'))
  })

  it('of a CA, or with a key that may sign, is refused', () => {
    expect(check({ isCa: true })).toEqual(refused('it is a CA'))
    expect(check({ keyUsage: ['digitalSignature', 'keyCertSign'] })).toEqual(refused('may sign'))
    expect(check({ keyUsage: ['digitalSignature', 'cRLSign'] })).toEqual(refused('may sign'))
    expect(checkPeerSvid(ca.certificateDer, { trustDomain, nowMs, usage: 'client' }).ok).toBe(false)
  })

  it('without a critical key usage with digitalSignature is refused', () => {
    expect(check({ keyUsage: [] })).toEqual(refused('key usage'))
    expect(check({ keyUsage: ['keyAgreement'] })).toEqual(refused('key usage'))
    expect(check({ keyUsageCritical: false })).toEqual(refused('key usage'))
  })

  it('must be meant for the side that the peer is on', () => {
    expect(check({ extendedKeyUsage: ['serverAuth'] })).toEqual(refused('not for clientAuth'))
    expect(check({ extendedKeyUsage: ['serverAuth'] }, nowMs, 'server').ok).toBe(true)
    expect(check({ extendedKeyUsage: ['clientAuth'] }, nowMs, 'server')).toEqual(refused('not for serverAuth'))
    expect(check({ extendedKeyUsage: [] }).ok).toBe(true)
  })

  it('with no subject has critical names', () => {
    expect(check({ sanCritical: false })).toEqual(refused('not critical'))
    expect(check({ sanCritical: false, subject: { commonName: 'reviews' } }).ok).toBe(true)
  })

  it('is valid from its first moment until just before its last', () => {
    expect(check({}, template.notBeforeMs - 1)).toEqual(refused('compare the clocks'))
    expect(check({}, template.notBeforeMs).ok).toBe(true)
    expect(check({}, template.notAfterMs - 1).ok).toBe(true)
    expect(check({}, template.notAfterMs)).toEqual(refused('it ended'))
  })

  it('that is no certificate is refused', () => {
    expect(checkPeerSvid(Buffer.alloc(0), { trustDomain, nowMs, usage: 'client' }).ok).toBe(false)
  })
})

describe('a leaf that was seen before', () => {
  const known = new KnownLeaves()
  const der = signCertificate(template, ca.privateKeyPem, ca.certificateDer)
  const again = (atMs: number, domain = trustDomain) =>
    checkPeerSvid(Buffer.from(der), { trustDomain: domain, nowMs: atMs, usage: 'client' }, known)

  it('is the same peer', () => {
    expect(again(nowMs)).toEqual({ ok: true, value: spiffeId })
    expect(again(nowMs)).toEqual({ ok: true, value: spiffeId })
  })

  it('is held against the time and the domain of now', () => {
    expect(again(nowMs + HOUR)).toEqual(refused('it ended at'))
    expect(again(nowMs, 'other.example' as TrustDomain)).toEqual(refused('trust domain'))
  })

  it('is known by all of its bytes: one that differs in the last is another, and one that cannot be read is refused each time', () => {
    const other = signCertificate({ ...template, uriSans: [] }, ca.privateKeyPem, ca.certificateDer)
    for (const _ of [1, 2]) {
      expect(checkPeerSvid(other, { trustDomain, nowMs, usage: 'client' }, known)).toEqual(refused('has 0 URI names'))
      expect(checkPeerSvid(other.subarray(1), { trustDomain, nowMs, usage: 'client' }, known).ok).toBe(false)
    }
  })
})
