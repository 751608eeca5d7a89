import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { checkPeerSvid, fromPem, spkiSha256 } from '../../certs/mod.ts'
import type { TrustDomain } from '../../common/mod.ts'
import { openAuthority } from './authority.ts'
import { openOwnLeaf } from './own-leaf.ts'

const trustDomain = 'mesh.example' as TrustDomain
const clock = { nowMs: () => Date.now(), wallMs: () => Date.now() }
let dir = ''
beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 5, 1) })
  dir = mkdtempSync(join(tmpdir(), 'selvedge-own-'))
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(dir, { recursive: true })
})

function fixture() {
  const authority = openAuthority({ dir: join(dir, 'ca'), storeIsNew: true, trustDomain, clock })
  if (!authority.ok) throw new Error(authority.error)
  const leaf = openOwnLeaf({ authority: authority.value, clock, random: () => 0.5, log: { warn: vi.fn() } })
  if (!leaf.ok) throw new Error(leaf.error)
  return { authority: authority.value, leaf: leaf.value }
}

describe("the control plane's own leaf", () => {
  it('names the control plane, and comes with the root that tokens pin', () => {
    const { authority, leaf } = fixture()
    const [own, root, ...more] = fromPem(leaf.current().chainPem) as [Buffer, Buffer]
    expect(checkPeerSvid(own, { trustDomain, nowMs: Date.now(), usage: 'server' })).toEqual({
      ok: true,
      value: 'spiffe://mesh.example/ns/selvedge-system/sa/control-plane',
    })
    expect(spkiSha256(root)).toBe(authority.rootPin)
    expect(more).toEqual([])
  })

  it('is replaced at half of its life, again and again, and listeners are told', () => {
    const { leaf } = fixture()
    const seen: string[] = []
    leaf.onChange(identity => seen.push(identity.chainPem))
    const first = leaf.current()
    vi.advanceTimersByTime(12 * 3_600_000 - 1000)
    expect(leaf.current()).toBe(first)
    vi.advanceTimersByTime(1000)
    expect(leaf.current().chainPem).not.toBe(first.chainPem)
    expect(leaf.current().privateKeyPem).not.toBe(first.privateKeyPem)
    vi.advanceTimersByTime(12 * 3_600_000)
    expect(new Set(seen).size).toBe(2)
  })

  it('is not replaced any more once it is closed', () => {
    const { leaf } = fixture()
    const first = leaf.current()
    leaf.close()
    vi.advanceTimersByTime(48 * 3_600_000)
    expect(leaf.current()).toBe(first)
  })
})
