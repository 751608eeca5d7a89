import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromPem, initCaDir, makeKeyPair, spkiSha256 } from '../../certs/mod.ts'
import type { TrustDomain } from '../../common/mod.ts'
import { KEPT_IDENTITY_FILE, keptIdentity } from './kept.ts'
import { enrolledIdentity, localIdentity, type Svid } from './mod.ts'

const workload = { namespace: 'bookshop', serviceAccount: 'reviews' }
const HOUR = 3_600_000
const BEGIN = Date.UTC(2026, 5, 1)
let dir: string
let now: number

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-kept-'))
  now = BEGIN
})
afterEach(() => rmSync(dir, { recursive: true }))

const clock = { nowMs: () => now, wallMs: () => now }
const file = () => join(dir, KEPT_IDENTITY_FILE)

function svid(ca = 'ca'): Svid {
  const caDir = join(dir, ca)
  initCaDir(caDir, { trustDomain: 'mesh.example' as TrustDomain, nowMs: now })
  const identity = localIdentity({ caDir, ...workload, clock, random: () => 0.5, leafLifeMs: HOUR })
  if (!identity.ok) throw new Error(identity.error)
  identity.value.close()
  return identity.value.current()
}

const keeper = (change: { caPin?: string; workload?: typeof workload } = {}) =>
  keptIdentity({ stateDir: dir, workload, caPin: undefined, nowMs: () => now, ...change })
const pinOf = (one: Svid) => spkiSha256(fromPem(one.trustBundlePem[0] ?? '')[0] ?? Buffer.of())

async function refusal(spoil: () => void, change = {}): Promise<string> {
  await keeper().save(svid())
  spoil()
  const loaded = keeper(change).load()
  return loaded.ok ? 'accepted' : loaded.error
}

describe('an identity that outlives the process', () => {
  it('is read back as it was, from a file for its owner alone', async () => {
    const kept = svid()
    await keeper().save(kept)
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    expect(keeper({ caPin: pinOf(kept) }).load()).toEqual({ ok: true, value: kept })
  })

  it('is none where none was kept', () => {
    expect(keeper().load()).toEqual({ ok: true, value: undefined })
  })

  it.each<[string, () => void, RegExp, object?]>([
    ['others can read it', () => chmodSync(file(), 0o640), /others can read/],
    [
      'it has ended',
      () => {
        now += HOUR
      },
      /expired|ended|not valid/,
    ],
    [
      'it is of another workload',
      () => {},
      /not spiffe:.*ratings/,
      { workload: { ...workload, serviceAccount: 'ratings' } },
    ],
    ['it is of another mesh', () => {}, /another mesh/, { caPin: 'ab'.repeat(32) }],
    [
      'its key is another',
      () => {
        const certificates = readFileSync(file(), 'utf8').replace(/-----BEGIN PRIVATE[\s\S]*END PRIVATE KEY-----\n/, '')
        writeFileSync(file(), makeKeyPair().privateKeyPem + certificates)
      },
      /another key/,
    ],
    [
      'its roots are missing',
      () => writeFileSync(file(), readFileSync(file(), 'utf8').split('-----BEGIN CERT')[0] ?? ''),
      /root/,
    ],
    ['it is rubbish', () => writeFileSync(file(), 'rubbish'), /root/],
  ])('is refused when %s', async (_, spoil, words, change) => {
    expect(await refusal(spoil, change)).toMatch(words)
  })

  it('serves without a control plane and without a token', async () => {
    const kept = svid()
    await keeper().save(kept)
    const log = { info: () => {}, warn: () => {} }
    const nowhere = { enrolmentAddress: '127.0.0.1:1', discoveryAddress: '127.0.0.1:1', joinToken: '' }
    const identity = await enrolledIdentity({ ...nowhere, stateDir: dir, workload, clock, random: () => 0.5, log })
    if (!identity.ok) throw new Error(identity.error)
    expect(identity.value.current()).toEqual(kept)
    identity.value.close()
    now += HOUR
    const later = await enrolledIdentity({ ...nowhere, stateDir: dir, workload, clock, random: () => 0.5, log })
    expect(later).toMatchObject({ ok: false, error: expect.stringContaining('no join token') })
  })
})
