import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkPeerSvid, makeCsr, makeCsrOf, makeKeyPair, parseCertificate } from '../../certs/mod.ts'
import type { SpiffeId, TrustDomain } from '../../common/mod.ts'
import { type Authority, type AuthorityOptions, openAuthority } from './authority.ts'

const trustDomain = 'mesh.example' as TrustDomain
const reviews = 'spiffe://mesh.example/ns/bookshop/sa/reviews' as SpiffeId
const HOUR = 3_600_000
const keys = makeKeyPair()
const csr = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId: reviews })

let dir = ''
let nowMs = Date.UTC(2026, 5, 1)
const clock = { nowMs: () => nowMs, wallMs: () => nowMs }
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-authority-'))
  nowMs = Date.UTC(2026, 5, 1)
})
afterEach(() => rmSync(dir, { recursive: true }))

function open(change: Partial<AuthorityOptions> = {}) {
  return openAuthority({ dir: join(dir, 'ca'), storeIsNew: true, trustDomain, clock, ...change })
}

function opened(change: Partial<AuthorityOptions> = {}): Authority {
  const authority = open(change)
  if (!authority.ok) throw new Error(authority.error)
  return authority.value
}

function refused(code: string, why = '') {
  return { ok: false, error: { code, message: expect.stringContaining(why) } }
}

describe('opening the authority [DATA-5]', () => {
  it('makes a root on the very first start, and finds the same one on the next', () => {
    const first = opened()
    const next = opened({ storeIsNew: false })
    expect(next.rootPin).toBe(first.rootPin)
    expect(next.trustDomain).toBe(trustDomain)
  })

  it('refuses to make a root for a mesh that had one', () => {
    expect(open({ storeIsNew: false })).toEqual({ ok: false, error: expect.stringContaining('from its backup') })
  })

  it('refuses to start when half of the root is lost', () => {
    opened()
    rmSync(join(dir, 'ca', 'ca.key'))
    expect(open({ storeIsNew: false })).toEqual({ ok: false, error: expect.stringContaining('ca.key') })
    expect(open({ storeIsNew: true })).toEqual({ ok: false, error: expect.stringContaining('ca.key') })
  })

  it("refuses a trust domain that is not the root's", () => {
    opened()
    const other = 'other.example' as TrustDomain
    expect(open({ trustDomain: other })).toEqual({ ok: false, error: expect.stringContaining('"mesh.example"') })
  })
})

describe('signing', () => {
  it('issues the attested identity for a day, with the DNS names of its service account', () => {
    const issued = opened().sign(csr, reviews)
    if (!issued.ok) throw new Error(issued.error.message)
    const leaf = issued.value.chain[0] ?? Buffer.alloc(0)
    expect(checkPeerSvid(leaf, { trustDomain, nowMs, usage: 'client' })).toEqual({ ok: true, value: reviews })
    expect(parseCertificate(leaf)).toMatchObject({
      ok: true,
      value: {
        publicKeySpkiDer: keys.publicKeySpkiDer,
        dnsSans: ['reviews.bookshop', 'reviews.bookshop.svc.cluster.local'],
        notAfterMs: nowMs + 24 * HOUR,
      },
    })
    expect(issued.value.notAfterMs).toBe(nowMs + 24 * HOUR)
    expect(issued.value.trustBundle).toHaveLength(1)
  })

  it('gives leaves the life that is set', () => {
    const issued = opened({ leafLifeMs: HOUR }).sign(csr, reviews)
    expect(issued.ok && issued.value.notAfterMs).toBe(nowMs + HOUR)
  })

  it('refuses a request for another identity', () => {
    const payments = 'spiffe://mesh.example/ns/bookshop/sa/payments' as SpiffeId
    expect(opened().sign(csr, payments)).toEqual(refused('permission-denied', 'but its sender is'))
  })

  it('refuses a request with extra names, or with none', () => {
    const authority = opened()
    for (const [uriSans, dnsSans] of [
      [[reviews, 'spiffe://mesh.example/ns/bookshop/sa/payments'], []],
      [[reviews], ['payments.bookshop']],
      [[], []],
    ] as const) {
      const extra = makeCsrOf({ privateKeyPem: keys.privateKeyPem, uriSans, dnsSans })
      expect(authority.sign(extra, reviews)).toEqual(refused('permission-denied'))
    }
  })

  it('refuses what is no signing request', () => {
    expect(opened().sign(Buffer.from('nothing'), reviews)).toEqual(refused('invalid-argument', 'not DER'))
    expect(opened().sign(Buffer.alloc(1_000_000, 0x30), reviews)).toEqual(refused('invalid-argument', 'at most 16384'))
  })

  it("never issues the control plane's own identity, nor one of another trust domain or form", () => {
    const authority = opened()
    for (const id of [
      'spiffe://mesh.example/ns/selvedge-system/sa/control-plane',
      'spiffe://other.example/ns/bookshop/sa/reviews',
      'spiffe://mesh.example/reviews',
    ] as SpiffeId[]) {
      const wrong = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId: id })
      expect(authority.sign(wrong, id)).toEqual(refused('permission-denied', 'not a workload of this mesh'))
    }
  })

  it('is refused to an identity that asks too often, and only to it', () => {
    const authority = opened()
    for (let n = 0; n < 5; n++) expect(authority.sign(csr, reviews).ok).toBe(true)
    expect(authority.sign(csr, reviews)).toEqual(refused('resource-exhausted'))
    expect(authority.sign(csr, reviews, 'bookshop/reviews-2').ok).toBe(true)
    expect(authority.sign(csr, reviews, 'x'.repeat(254))).toEqual(refused('invalid-argument', 'is no workload'))
    const payments = 'spiffe://mesh.example/ns/bookshop/sa/payments' as SpiffeId
    const other = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId: payments })
    expect(authority.sign(other, payments).ok).toBe(true)
  })

  it('ends with the root', () => {
    const authority = opened()
    nowMs += 3650 * 24 * HOUR - 1000
    expect(authority.sign(csr, reviews)).toMatchObject({ ok: true, value: { notAfterMs: nowMs + 1000 } })
    nowMs += 1000
    expect(authority.sign(csr, reviews)).toEqual(refused('failed-precondition', 'has ended'))
  })
})
