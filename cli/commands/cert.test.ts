import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toPem } from '../../certs/mod.ts'
import { leafOf } from '../../test/conformance/pki.ts'
import { startVictim, type Victim } from '../../test/conformance/tls/victim.ts'
import { readCliEnvironment } from '../config.ts'
import { execute } from '../program.ts'

// `selvedge cert inspect`, of files and of whoever listens.

const ID = 'spiffe://mesh.test/ns/shop/sa/web'
let victim: Victim
let dir = ''
let root = ''

beforeAll(async () => {
  victim = await startVictim()
  dir = mkdtempSync(join(tmpdir(), 'selvedge-inspect-'))
  root = join(dir, 'root.pem')
  writeFileSync(root, toPem('CERTIFICATE', victim.ca.certificateDer))
})
afterAll(async () => {
  rmSync(dir, { recursive: true })
  await victim.close()
})

async function inspect(...args: string[]) {
  let [out, err] = ['', '']
  const terminal = {
    out: (text: string) => {
      out += text
    },
    err: (text: string) => {
      err += text
    },
    interactive: false,
    colour: false,
    columns: () => 120,
  }
  const env = readCliEnvironment({ SELVEDGE_HOME: '/nonexistent' })
  return { status: await execute(['cert', 'inspect', ...args], env, terminal), out, err }
}

describe('selvedge cert inspect', () => {
  test('reads the leaf of a running sidecar from its inbound port, and says that it is valid', async () => {
    const { status, out } = await inspect(`127.0.0.1:${victim.sidecar.inbound}`, '--root', root)
    expect(out).toContain('identity      spiffe://mesh.test/ns/shop/sa/catalog')
    expect(out).toContain('trust           trusted')
    expect(out).toContain('verdict         valid')
    expect(status).toBe(0)
  })

  test('ends with 1 for a server whose certificate has ended, in JSON as well', async () => {
    const { cert, key } = leafOf({ id: ID, issuer: victim.ca, change: { notAfterMs: Date.now() - 1_000 } })
    const server = createServer({ cert, key })
    server.on('tlsClientError', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    expect((await inspect(address)).status).toBe(1)
    const { status, out } = await inspect(address, '--root', root, '-o', 'json')
    server.close()
    expect(status).toBe(1)
    const { valid, certificates } = JSON.parse(out) as { valid: boolean; certificates: { problem: string }[] }
    expect(valid).toBe(false)
    expect(certificates[0]?.problem).toContain('it ended at')
  })

  test('ends with 1 for a leaf of another CA, and in YAML says so', async () => {
    const file = join(dir, 'leaf.pem')
    writeFileSync(file, leafOf({ id: ID, issuer: victim.ca }).cert)
    expect(await inspect(file, '--root', root)).toMatchObject({ status: 0 })
    const foreign = join(dir, 'foreign.pem')
    writeFileSync(foreign, leafOf({ id: 'spiffe://other.test/a', issuer: victim.ca, change: { isCa: true } }).cert)
    const { status, out } = await inspect(file, '--root', foreign, '-o', 'yaml')
    expect(status).toBe(1)
    expect(out).toContain('state: untrusted')
  })

  test('says in one sentence what it cannot read, and ends with 1', async () => {
    for (const target of ['127.0.0.1:1', join(dir, 'nothing.pem'), `127.0.0.1:${victim.application.port}`]) {
      const { status, err } = await inspect(target)
      expect(status).toBe(1)
      expect(err.trimEnd().split('\n')).toEqual([expect.stringMatching(/^(selvedge: )?Cannot (inspect|read) /)])
    }
  })
})
