import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { initCaDir } from '../../certs/mod.ts'
import type { TrustDomain } from '../../common/mod.ts'
import { type Identity, localIdentity, type Svid } from './mod.ts'

const clock = { nowMs: () => Date.now(), wallMs: () => Date.now() }
const HOUR = 3_600_000
let caDir = ''
beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 5, 1) })
  caDir = mkdtempSync(join(tmpdir(), 'selvedge-local-'))
  initCaDir(caDir, { trustDomain: 'mesh.example' as TrustDomain, nowMs: Date.now() })
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(caDir, { recursive: true })
})

function open(change: object = {}) {
  const wish = { caDir, namespace: 'bookshop', serviceAccount: 'reviews', clock, random: () => 0.5 }
  return localIdentity({ ...wish, ...change })
}

function opened(change: object = {}): Identity {
  const identity = open(change)
  if (!identity.ok) throw new Error(identity.error)
  return identity.value
}

describe('an identity from a CA directory', () => {
  it('names the workload in the trust domain of the CA, for a day', () => {
    const svid = opened().current()
    expect(svid).toMatchObject({
      spiffeId: 'spiffe://mesh.example/ns/bookshop/sa/reviews',
      trustDomain: 'mesh.example',
      notAfterMs: Date.now() + 24 * HOUR,
    })
    expect(svid.trustBundlePem).toHaveLength(1)
  })

  it('renews itself at half of its life with a new key, and tells its listeners, until it is closed', () => {
    const identity = opened({ leafLifeMs: HOUR })
    const first = identity.current()
    const seen: Svid[] = []
    const end = identity.onChange(svid => seen.push(svid))
    vi.advanceTimersByTime(HOUR / 2 - 1)
    expect(identity.current()).toBe(first)
    vi.advanceTimersByTime(1)
    expect(seen).toEqual([identity.current()])
    expect(identity.current().privateKeyPem).not.toBe(first.privateKeyPem)
    expect(identity.current().notAfterMs).toBe(first.notAfterMs + HOUR / 2)
    end()
    vi.advanceTimersByTime(HOUR / 2)
    expect(seen).toHaveLength(1)
    const last = identity.current()
    identity.close()
    vi.advanceTimersByTime(2 * HOUR)
    expect(identity.current()).toBe(last)
  })

  it('spreads renewals by a tenth to both sides', () => {
    const early = opened({ leafLifeMs: 1000 * HOUR, random: () => 0 })
    const late = opened({ leafLifeMs: 1000 * HOUR, random: () => 0.999_999 })
    const [a, b] = [early.current(), late.current()]
    vi.advanceTimersByTime(451 * HOUR)
    expect(early.current()).not.toBe(a)
    vi.advanceTimersByTime(98 * HOUR)
    expect(late.current()).toBe(b)
    vi.advanceTimersByTime(2 * HOUR)
    expect(late.current()).not.toBe(b)
    early.close()
    late.close()
  })

  it('is refused without a CA, with one that has ended, or for what is no name', () => {
    expect(open({ caDir: join(caDir, 'none') })).toEqual({
      ok: false,
      error: expect.stringContaining('selvedge cert init'),
    })
    expect(open({ namespace: 'Book Shop' })).toEqual({ ok: false, error: expect.stringContaining('DNS labels') })
    vi.setSystemTime(Date.now() + 3650 * 24 * HOUR)
    expect(open()).toEqual({ ok: false, error: expect.stringContaining('has ended') })
  })
})
