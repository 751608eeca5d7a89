import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TrustDomain } from '../common/mod.ts'
import { copyCaDir, fromPem, hasCaDir, initCaDir, loadCaDir, makeKeyPair, parseCertificate, toPem } from './mod.ts'

const wish = { trustDomain: 'mesh.example' as TrustDomain, nowMs: Date.UTC(2026, 5, 1) }
let parent = ''
let dir = ''
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'selvedge-ca-'))
  dir = join(parent, 'ca')
})
afterEach(() => rmSync(parent, { recursive: true }))

function refused(why: string) {
  return { ok: false, error: expect.stringContaining(why) }
}

describe('a CA directory [DATA-5]', () => {
  it('is made with a key that only its owner can read, and loads with its trust domain', () => {
    expect(hasCaDir(dir)).toBe(false)
    const made = initCaDir(dir, wish)
    expect(made.ok && made.value.trustDomain).toBe('mesh.example')
    expect(statSync(join(dir, 'ca.key')).mode & 0o777).toBe(0o600)
    expect(hasCaDir(dir)).toBe(true)
    expect(loadCaDir(dir)).toEqual(made)
  })

  it('lives ten years', () => {
    const made = initCaDir(dir, wish)
    expect(made.ok && made.value.notAfterMs).toBe(wish.nowMs + 3650 * 86_400_000)
  })

  it('is never overwritten, nor is a part of it', () => {
    initCaDir(dir, wish)
    const before = readFileSync(join(dir, 'ca.crt'))
    expect(initCaDir(dir, wish)).toEqual(refused('ca.crt is there already'))
    rmSync(join(dir, 'ca.crt'))
    expect(initCaDir(dir, wish)).toEqual(refused('ca.key is there already'))
    writeFileSync(join(dir, 'ca.crt'), before)
    expect(loadCaDir(dir).ok).toBe(true)
  })

  it('with a missing half is refused, and says which', () => {
    initCaDir(dir, wish)
    copyFileSync(join(dir, 'ca.key'), join(parent, 'ca.key'))
    rmSync(join(dir, 'ca.key'))
    expect(loadCaDir(dir)).toEqual(refused('ca.key'))
    copyFileSync(join(parent, 'ca.key'), join(dir, 'ca.key'))
    rmSync(join(dir, 'ca.crt'))
    expect(loadCaDir(dir)).toEqual(refused('ca.crt'))
    expect(loadCaDir(parent)).toEqual(refused('selvedge cert init'))
  })

  it('whose key the group or others may read is refused', () => {
    initCaDir(dir, wish)
    for (const mode of [0o640, 0o604, 0o620, 0o644]) {
      chmodSync(join(dir, 'ca.key'), mode)
      expect(loadCaDir(dir)).toEqual(refused('chmod 600'))
    }
    chmodSync(join(dir, 'ca.key'), 0o400)
    expect(loadCaDir(dir).ok).toBe(true)
  })

  it("with another certificate's key, or with no key, is refused", () => {
    initCaDir(dir, wish)
    writeFileSync(join(dir, 'ca.key'), makeKeyPair().privateKeyPem)
    expect(loadCaDir(dir)).toEqual(refused('not the key of'))
    writeFileSync(join(dir, 'ca.key'), 'nothing')
    expect(loadCaDir(dir)).toEqual(refused('not a private key'))
  })

  it('with something else for a certificate is refused', () => {
    initCaDir(dir, wish)
    writeFileSync(join(dir, 'ca.crt'), 'nothing')
    expect(loadCaDir(dir)).toEqual(refused('exactly one certificate'))
  })
})

describe('PEM', () => {
  it('gives back the blocks of one label, in order, past other text', () => {
    const [a, b] = [Buffer.from('first'), Buffer.alloc(200, 7)]
    const text = `# a comment\n${toPem('CERTIFICATE', a)}${toPem('PRIVATE KEY', b)}\r\n${toPem('CERTIFICATE', b)}`
    expect(fromPem(text)).toEqual([a, b])
    expect(fromPem(text, 'PRIVATE KEY')).toEqual([b])
    expect(fromPem('')).toEqual([])
    expect(parseCertificate(a).ok).toBe(false)
  })
})

describe('a CA that is handed over', () => {
  it('is copied with a key that only its owner can read, though a group may read the one that it is from', () => {
    const made = initCaDir(dir, wish)
    chmodSync(join(dir, 'ca.key'), 0o440)
    const own = join(parent, 'data', 'ca')
    expect(copyCaDir(dir, own)).toEqual({ ok: true, value: undefined })
    expect(statSync(join(own, 'ca.key')).mode & 0o777).toBe(0o600)
    expect(loadCaDir(own)).toEqual(made)
  })

  it('is never copied over another', () => {
    initCaDir(dir, wish)
    const own = join(parent, 'own')
    const before = initCaDir(own, wish)
    expect(copyCaDir(dir, own)).toEqual(refused('Cannot put the CA in'))
    expect(loadCaDir(own)).toEqual(before)
  })

  it('is refused, and nothing copied, where a half is missing or the halves do not match', () => {
    initCaDir(dir, wish)
    const other = join(parent, 'other')
    initCaDir(other, wish)
    const own = join(parent, 'own')
    copyFileSync(join(other, 'ca.key'), join(dir, 'ca.key'))
    expect(copyCaDir(dir, own)).toEqual(refused('ca.key is not the key of ca.crt'))
    rmSync(join(dir, 'ca.key'))
    expect(copyCaDir(dir, own)).toEqual(refused('Cannot take the CA'))
    rmSync(join(other, 'ca.crt'))
    expect(copyCaDir(other, own)).toEqual(refused('Cannot take the CA'))
    expect(hasCaDir(own)).toBe(false)
  })
})
