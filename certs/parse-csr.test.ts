import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Der, readDer, sequenceOf } from './der/read.ts'
import { bitString, boolean, encodeDer, namedBits, sequence } from './der/write.ts'
import { extension } from './extensions.ts'
import { makeCsr, makeCsrOf, makeKeyPair, parseCsr } from './mod.ts'
import { OID } from './oids.ts'
import { CSR_BYTES_MAX } from './parse-csr.ts'

const spiffeId = 'spiffe://mesh.example/ns/bookshop/sa/reviews'
const keys = makeKeyPair()
const good = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId })

function csrOfOpenssl(...newkey: string[]): Buffer {
  const args = ['req', '-new', ...newkey, '-nodes', '-keyout', '/dev/null', '-outform', 'DER', '-subj', '/CN=x']
  return execFileSync('openssl', [...args, '-addext', `subjectAltName=URI:${spiffeId}`], { stdio: 'pipe' })
}

describe('a signing request', () => {
  it('of ours is read: its key, its one SPIFFE ID, nothing more', () => {
    const facts = parseCsr(good)
    expect(facts).toEqual({
      ok: true,
      value: {
        publicKeySpkiDer: keys.publicKeySpkiDer,
        uriSans: [spiffeId],
        dnsSans: [],
        otherSanTags: [],
        asksForCa: false,
      },
    })
  })

  it("of OpenSSL's is read too, with P-256, P-384 and RSA of 2048 bits", () => {
    for (const kind of [
      ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
      ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
      ['-newkey', 'rsa:2048'],
    ]) {
      const facts = parseCsr(csrOfOpenssl(...kind))
      expect(facts.ok && facts.value.uriSans).toEqual([spiffeId])
    }
  })

  it('with a weak key is refused', () => {
    for (const kind of [
      ['-newkey', 'rsa:1024'],
      ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp224r1'],
      ['-newkey', 'ed25519'],
    ]) {
      expect(parseCsr(csrOfOpenssl(...kind))).toMatchObject({ ok: false, error: expect.stringContaining('weak') })
    }
  })

  it('lists every further name that it asks for', () => {
    const two = ['spiffe://mesh.example/a', 'spiffe://mesh.example/b']
    const facts = parseCsr(makeCsrOf({ privateKeyPem: keys.privateKeyPem, uriSans: two, dnsSans: ['a.example'] }))
    expect(facts.ok && facts.value).toMatchObject({ uriSans: two, dnsSans: ['a.example'] })
    const other = execFileSync(
      'openssl',
      ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null'].concat([
        '-outform',
        'DER',
        '-subj',
        '/CN=x',
        '-addext',
        'subjectAltName=IP:10.0.0.1,email:a@b.example',
      ]),
      { stdio: 'pipe' },
    )
    expect(parseCsr(other)).toMatchObject({ ok: true, value: { otherSanTags: [7, 1], uriSans: [] } })
  })

  it('says so when it asks to become a CA, by constraint or by key usage', () => {
    for (const wish of [
      extension(OID.basicConstraints, true, sequence(boolean(true))),
      extension(OID.keyUsage, true, namedBits([5])),
      extension(OID.keyUsage, true, namedBits([0, 6])),
    ]) {
      const csr = makeCsrOf({ privateKeyPem: keys.privateKeyPem, uriSans: [spiffeId], dnsSans: [], extensions: [wish] })
      expect(parseCsr(csr)).toMatchObject({ ok: true, value: { asksForCa: true } })
    }
  })

  it("signed by another's key is refused", () => {
    const thief = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
    const forged = readDer(good, CSR_BYTES_MAX, root => {
      const [toBeSigned, algorithm] = sequenceOf(root, 'the request') as [Der, Der]
      return encodeDer(sequence(toBeSigned, algorithm, bitString(sign('sha256', encodeDer(toBeSigned), thief))))
    })
    expect(forged.ok && parseCsr(forged.value)).toMatchObject({
      ok: false,
      error: expect.stringContaining('does not verify'),
    })
  })

  it('is read up to 16 KiB, and refused unread above', () => {
    const padded = (uris: number): Buffer =>
      makeCsrOf({
        privateKeyPem: keys.privateKeyPem,
        uriSans: Array.from({ length: uris }, () => 'a'.repeat(500)),
        dnsSans: [],
      })
    expect(parseCsr(padded(32)).ok).toBe(true)
    expect(padded(33).length).toBeGreaterThan(CSR_BYTES_MAX)
    expect(parseCsr(padded(33))).toMatchObject({ ok: false, error: expect.stringContaining('at most 16384') })
    expect(parseCsr(Buffer.alloc(1_000_000, 0x30))).toMatchObject({ ok: false })
  })
})

describe('parseCsr', () => {
  it('never throws on random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), bytes => !parseCsr(Buffer.from(bytes)).ok))
  })

  it('refuses a request in which any one bit was changed', () => {
    fc.assert(
      fc.property(fc.nat(good.length * 8 - 1), bit => {
        const changed = Buffer.from(good)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        return !parseCsr(changed).ok
      }),
      { numRuns: 500 },
    )
  })

  it('refuses a request that was cut off or continued', () => {
    for (let length = 0; length < good.length; length++) expect(parseCsr(good.subarray(0, length)).ok).toBe(false)
    expect(parseCsr(Buffer.concat([good, Buffer.from([0])])).ok).toBe(false)
  })

  it('reads back every SPIFFE ID that was asked for', () => {
    const id = fc.stringMatching(/^spiffe:\/\/[a-z0-9.-]{1,30}(\/[A-Za-z0-9._-]{1,20}){1,4}$/)
    fc.assert(
      fc.property(id, text => {
        const facts = parseCsr(makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId: text }))
        return facts.ok && facts.value.uriSans.length === 1 && facts.value.uriSans[0] === text
      }),
      { numRuns: 50 },
    )
  })
})
