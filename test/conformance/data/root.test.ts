import { chmodSync, cpSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { initCaDir, spkiSha256 } from '../../../certs/mod.ts'
import { parseTrustDomain, systemClock } from '../../../common/mod.ts'
import { type ControlPlane, startControlPlane } from '../../../control-plane/app.ts'
import { readControlPlaneConfig } from '../../../control-plane/config.ts'
import { type Scratch, scratch } from './kit.ts'

describe('[DATA-5] the root of a mesh that has begun', () => {
  let folder: Scratch
  let ca: string
  let before: string
  const planes: ControlPlane[] = []

  beforeEach(async () => {
    folder = scratch()
    ca = join(folder.path, 'ca')
    await (await started()).close()
    before = readFileSync(join(ca, 'ca.crt'), 'utf8')
  })
  afterEach(async () => {
    for (const plane of planes.splice(0)) await plane.close()
    folder.remove()
  })

  async function start(...flags: readonly string[]) {
    const ports = ['rest', 'enrolment', 'discovery', 'metrics'].flatMap(name => [`--${name}-port`, '0'])
    const args = ['--data-dir', folder.path, '--log-level', 'silent', ...ports, ...flags]
    const config = readControlPlaneConfig(args, {})
    if (!config.ok) throw new Error(config.error.join('\n'))
    const plane = await startControlPlane(config.value, 'test')
    if (plane.ok) planes.push(plane.value)
    return plane
  }

  async function started(...flags: readonly string[]): Promise<ControlPlane> {
    const plane = await start(...flags)
    if (!plane.ok) throw new Error(plane.error)
    return plane.value
  }

  async function refusal(...flags: readonly string[]): Promise<string> {
    const plane = await start(...flags)
    if (plane.ok) throw new Error('It started')
    return plane.error
  }

  /** Another root of the same trust domain, whole and with its own key. */
  function replaceRoot(): string {
    renameSync(ca, `${ca}.old`)
    const trustDomain = parseTrustDomain('cluster.local')
    if (!trustDomain.ok) throw new Error(trustDomain.error)
    const made = initCaDir(ca, { trustDomain: trustDomain.value, nowMs: systemClock.wallMs() })
    if (!made.ok) throw new Error(made.error)
    return spkiSha256(made.value.certificateDer)
  }

  it('is the same after a restart', async () => {
    await started()
    expect(readFileSync(join(ca, 'ca.crt'), 'utf8')).toBe(before)
  })

  it('is never made anew when it is gone, not even when nothing was written yet', async () => {
    rmSync(ca, { recursive: true })
    expect(await refusal()).toMatch(/^Cannot start the certificate authority: .* holds no CA, but .*put the CA back/)
    expect(existsSync(ca)).toBe(false)
  })

  it('does not start without its key, and makes none', async () => {
    rmSync(join(ca, 'ca.key'))
    expect(await refusal()).toMatch(/^Cannot load the CA in .*ca\.key.*put the key back from its backup/)
    expect(existsSync(join(ca, 'ca.key'))).toBe(false)
    expect(readFileSync(join(ca, 'ca.crt'), 'utf8')).toBe(before)
  })

  it('does not start while others can read its key', async () => {
    for (const mode of [0o640, 0o604, 0o660]) {
      chmodSync(join(ca, 'ca.key'), mode)
      expect(await refusal()).toContain('ca.key can be read by others; run chmod 600 on it')
    }
    chmodSync(join(ca, 'ca.key'), 0o600)
    await started()
  })

  it('is not replaced by another one of the same trust domain, unless whoever starts it names that one', async () => {
    const pin = replaceRoot()
    const message = await refusal()
    expect(message).toMatch(/^Cannot start the certificate authority: the CA in .* is not the one of this mesh/)
    expect(message).toContain(`start once with --accept-ca ${pin}`)
    expect(await refusal('--accept-ca', 'ab'.repeat(32))).toBe(message)
    await (await started('--accept-ca', pin)).close()
    // From here on it is the mesh's root, and the old one is refused.
    await (await started()).close()
    rmSync(ca, { recursive: true })
    cpSync(`${ca}.old`, ca, { recursive: true })
    expect(await refusal()).toContain('is not the one of this mesh')
  })

  it('is not taken from another folder into a mesh that lost its own', async () => {
    rmSync(ca, { recursive: true })
    const trustDomain = parseTrustDomain('cluster.local')
    if (trustDomain.ok) initCaDir(ca, { trustDomain: trustDomain.value, nowMs: systemClock.wallMs() })
    expect(await refusal()).toContain('is not the one of this mesh')
  })
})
