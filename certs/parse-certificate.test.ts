import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SpiffeId, TrustDomain } from '../common/mod.ts'
import { formatTime, parseTimeMs } from './der/time.ts'
import { leafTemplate, makeCa, makeKeyPair, parseCertificate, signCertificate, signLeaf } from './mod.ts'

const nowMs = Date.UTC(2026, 5, 1)
const trustDomain = 'mesh.example' as TrustDomain
const spiffeId = 'spiffe://mesh.example/ns/bookshop/sa/reviews' as SpiffeId
const ca = makeCa({ trustDomain, lifeMs: 86_400_000, nowMs })
const keys = makeKeyPair()
const wish = {
  publicKeySpkiDer: keys.publicKeySpkiDer,
  spiffeId,
  dnsNames: ['reviews.bookshop'],
  lifeMs: 3_600_000,
  nowMs,
}
const leaf = signLeaf({ ...wish, caCertificateDer: ca.certificateDer, caPrivateKeyPem: ca.privateKeyPem })

describe('parseCertificate', () => {
  it('never throws on random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), bytes => !parseCertificate(Buffer.from(bytes)).ok))
  })

  it('never throws on a certificate in which some bytes were changed', () => {
    const change = fc.tuple(fc.nat(leaf.length - 1), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), changes => {
        const changed = Buffer.from(leaf)
        for (const [at, byte] of changes) changed[at] = byte
        parseCertificate(changed)
      }),
      { numRuns: 3000 },
    )
  })

  it('refuses a certificate that was cut off or continued', () => {
    for (let length = 0; length < leaf.length; length++)
      expect(parseCertificate(leaf.subarray(0, length)).ok).toBe(false)
    expect(parseCertificate(Buffer.concat([leaf, Buffer.from([0])])).ok).toBe(false)
  })

  it('reads back what was written', () => {
    const uris = fc.array(fc.stringMatching(/^[a-z]{1,8}:\/\/[!-~]{0,40}$/), { maxLength: 4 })
    const names = fc.array(fc.stringMatching(/^[a-z0-9.-]{1,40}$/), { maxLength: 4 })
    fc.assert(
      fc.property(uris, names, fc.boolean(), fc.nat(200_000_000), (uriSans, dnsSans, isCa, lifeS) => {
        const template = { ...leafTemplate(wish), uriSans, dnsSans, isCa, notAfterMs: nowMs + lifeS * 1000 }
        const facts = parseCertificate(signCertificate(template, ca.privateKeyPem, ca.certificateDer))
        expect(facts).toMatchObject({
          ok: true,
          value: { uriSans, dnsSans, isCa, notAfterMs: nowMs + lifeS * 1000, publicKeySpkiDer: keys.publicKeySpkiDer },
        })
      }),
      { numRuns: 50 },
    )
  })

  it('refuses lengths of indefinite and of needlessly long form, which other readers may see differently', () => {
    const indefinite = Buffer.concat([Buffer.from([0x30, 0x80]), leaf.subarray(4), Buffer.from([0, 0])])
    expect(parseCertificate(indefinite).ok).toBe(false)
    expect(leaf.readUInt8(1)).toBe(0x82)
    const long = Buffer.concat([Buffer.from([0x30, 0x83, 0]), leaf.subarray(2)])
    expect(parseCertificate(long)).toEqual({ ok: false, error: 'Cannot read the certificate: it is not DER' })
  })

  it('refuses nesting that is made to exhaust the stack', () => {
    const bombs = [Buffer.from(Array.from({ length: 8000 }, () => [0x30, 0x80]).flat())]
    let nested = Buffer.alloc(0)
    for (let depth = 0; depth < 40; depth++) nested = Buffer.concat([Buffer.from([0x30, nested.length]), nested])
    bombs.push(nested)
    for (const bomb of bombs) expect(parseCertificate(bomb).ok).toBe(false)
  })

  it('refuses a name with a NUL in it', () => {
    const template = { ...leafTemplate(wish), dnsSans: ['reviews.bookshop\0.evil.example'] }
    expect(parseCertificate(signCertificate(template, ca.privateKeyPem, ca.certificateDer))).toMatchObject({
      ok: false,
      error: expect.stringContaining('printable'),
    })
  })

  it('keeps a comma within the name that holds it', () => {
    const template = { ...leafTemplate(wish), uriSans: [`${spiffeId},URI:spiffe://evil.example/x`] }
    const facts = parseCertificate(signCertificate(template, ca.privateKeyPem, ca.certificateDer))
    expect(facts.ok && facts.value.uriSans).toEqual([`${spiffeId},URI:spiffe://evil.example/x`])
  })

  it("reads a certificate of OpenSSL's, with names of other kinds", () => {
    const der = execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        '/dev/null',
        '-subj',
        '/CN=x',
        '-outform',
        'DER',
      ].concat(['-addext', 'subjectAltName=IP:10.0.0.1,DNS:a.example,email:spiffe@b.example']),
      { stdio: 'pipe' },
    )
    expect(parseCertificate(der)).toMatchObject({
      ok: true,
      value: { uriSans: [], dnsSans: ['a.example'], otherSanTags: [7, 1], isCa: true, subjectEmpty: false },
    })
  })
})

describe("a certificate's time", () => {
  it('comes back from its text, in the form for its year', () => {
    const moment = fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(9999, 0, 1) / 1000 })
    fc.assert(
      fc.property(moment, seconds => {
        const { type, text } = formatTime(seconds * 1000)
        return parseTimeMs(type, text) === seconds * 1000
      }),
    )
  })

  it('is refused when it is no moment of the calendar', () => {
    for (const text of [
      '260230000000Z',
      '261301000000Z',
      '260101240000Z',
      '260101006000Z',
      '2601010000Z',
      '26010100000',
    ]) {
      expect(parseTimeMs(23, text)).toBeUndefined()
    }
  })
})
