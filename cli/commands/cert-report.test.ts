import { describe, expect, it } from 'vitest'
import { caOf, leafOf } from '../../test/conformance/pki.ts'
import { reportLines, reportOn } from './cert-report.ts'
import { addressOf } from './served-chain.ts'

const ID = 'spiffe://mesh.test/ns/shop/sa/web'
const ca = caOf('mesh.test')
const good = leafOf({ id: ID, issuer: ca }).der

function report(ders: readonly Buffer[], roots: readonly Buffer[] = []) {
  const made = reportOn(ders, roots, Date.now())
  if (!made.ok) throw new Error(made.error)
  return made.value
}

describe('a report on certificates', () => {
  it('says of a good leaf who it is, how long it lasts, and that it keeps the rules', () => {
    const { valid, trust, certificates } = report([good], [ca.certificateDer])
    expect({ valid, trust: trust.state }).toEqual({ valid: true, trust: 'trusted' })
    expect(certificates).toEqual([
      expect.objectContaining({ kind: 'leaf', uris: [ID], key: 'ECDSA P-256', problem: undefined }),
    ])
    expect(certificates[0]?.secondsLeft).toBeGreaterThan(3_500)
  })

  it('does not judge trust without a root, and says how to', () => {
    expect(report([good])).toMatchObject({ valid: true, trust: { state: 'not checked' } })
    expect(report([good]).trust.why).toContain('--root')
  })

  it('tells a foreign root from the right one', () => {
    expect(report([good], [caOf('mesh.test').certificateDer])).toMatchObject({
      valid: false,
      trust: { state: 'untrusted' },
    })
    expect(report([ca.certificateDer], [ca.certificateDer])).toMatchObject({ valid: true, trust: { state: 'trusted' } })
  })

  it('follows what came along up to a root', () => {
    const change = { isCa: true, keyUsage: ['keyCertSign' as const], extendedKeyUsage: [], uriSans: [] }
    const named = { ...change, sanCritical: false, subject: { commonName: 'middle' } }
    const middle = leafOf({ id: '', issuer: ca, change: named })
    const leaf = leafOf({ id: ID, issuer: { certificateDer: middle.der, privateKeyPem: middle.key } })
    expect(report([leaf.der, middle.der], [ca.certificateDer])).toMatchObject({ valid: true })
    expect(report([leaf.der], [ca.certificateDer])).toMatchObject({ valid: false })
  })

  it.each([
    ['ended', { notAfterMs: Date.now() - 1_000 }, 'it ended'],
    ['is not valid yet', { notBeforeMs: Date.now() + 60_000 }, 'valid only from'],
    ['has two URI names', { uriSans: [ID, ID] }, '2 URI names'],
    ['is for servers alone', { extendedKeyUsage: ['serverAuth' as const] }, 'not for clientAuth'],
    ['may sign', { keyUsage: ['digitalSignature' as const, 'keyCertSign' as const] }, 'may sign certificates'],
  ])('says of a leaf that %s that it is not valid, and why', (_, change, why) => {
    const made = report([leafOf({ id: ID, issuer: ca, change }).der])
    expect(made.valid).toBe(false)
    expect(made.certificates[0]?.problem).toContain(why)
    expect(reportLines(made)).toContain('verdict         NOT valid')
  })

  it('is none of what is no certificate', () => {
    expect(reportOn([Buffer.from('nothing')], [], Date.now()).ok).toBe(false)
    expect(reportOn([], [], Date.now()).ok).toBe(false)
  })
})

describe('an address', () => {
  it.each([
    ['127.0.0.1:15006', { host: '127.0.0.1', port: 15_006 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['reviews.bookshop:443', { host: 'reviews.bookshop', port: 443 }],
  ])('%s is one', (text, address) => {
    expect(addressOf(text)).toEqual(address)
  })

  it.each(['leaf.pem', './ca/ca.crt', 'host:', 'host:0', 'host:65536', 'a/b:80', ''])('%j is none', text => {
    expect(addressOf(text)).toBeUndefined()
  })
})
