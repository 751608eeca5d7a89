import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { err, type Result } from '../../../common/mod.ts'
import { type ControlPlane, startControlPlane } from '../../../control-plane/app.ts'
import { readControlPlaneConfig } from '../../../control-plane/config.ts'
import { type Sidecar, startSidecar } from '../../../sidecar/app.ts'
import { readSidecarConfig } from '../../../sidecar/config.ts'
import { type Application, echoApplication } from '../../fakes/application.ts'
import { ask, keepAlive } from '../../in-process/client.ts'
import { portOf } from '../../in-process/mesh.ts'

const LIFE_MS = 10_000
const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 80, targetPort: http }] }
`

interface Joined {
  readonly sidecar: Sidecar
  page(path: string): Promise<{ readonly status: number; readonly body: string }>
  /** Messages of its log that match. */
  said(pattern: RegExp): number
}

describe('[FAULT-2] two sidecars that are cut off from the control plane', () => {
  let dir: string
  let plane: ControlPlane
  let application: Application
  const joined: Joined[] = []
  const agent = keepAlive(4)

  async function post<Answer>(path: string, body: string, type: string): Promise<Answer> {
    const response = await fetch(`${plane.addresses.rest}/apis/selvedge.dev/v1/${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${readFileSync(plane.addresses.tokenFile, 'utf8').trim()}`,
        'content-type': type,
      },
      body,
    })
    expect(response.ok).toBe(true)
    return (await response.json()) as Answer
  }

  async function joins(name: string, ...flags: string[]): Promise<void> {
    const wish = JSON.stringify({ serviceAccount: `shop/${name}` })
    const { token } = await post<{ token: string }>('tokens', wish, 'application/json')
    const ports = ['outbound', 'inbound', 'admin', 'metrics'].map(door => `--${door}-port=0`)
    const { discovery, enrolment } = plane.addresses
    const config = must(
      readSidecarConfig(
        [
          ...[`--workload=shop/${name}`, `--join-token=${token}`, ...ports, ...flags],
          ...[`--control-plane=${discovery}`, `--enrolment=${enrolment}`],
        ],
        () => err('no file is read here'),
        {},
      ),
    )
    const path = join(dir, `${name}.log`)
    const logFd = openSync(path, 'a')
    const sidecar = must(await startSidecar(config, '0.0.0-test', { logFd }))
    joined.push({
      sidecar: { ...sidecar, close: () => sidecar.close().then(() => closeSync(logFd)) },
      page: page => ask(portOf(sidecar.addresses.metrics), page),
      said: pattern =>
        readFileSync(path, 'utf8')
          .split('\n')
          .filter(line => pattern.test(line)).length,
    })
  }

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'selvedge-cut-off-'))
    const ports = ['rest', 'enrolment', 'discovery', 'metrics'].map(door => `--${door}-port=0`)
    const config = must(
      readControlPlaneConfig(
        [`--data-dir=${dir}/data`, '--log-level=silent', `--leaf-life=${LIFE_MS / 1000}s`, ...ports],
        {},
      ),
    )
    plane = must(await startControlPlane(config, '0.0.0-test'))
    await post('apply', SHOP, 'application/yaml')
    application = await echoApplication('reviews')
    await joins('reviews', `--port=http=${application.port}`, '--label=app=reviews')
    await joins('caller')
  })
  afterAll(async () => {
    agent.destroy()
    for (const { sidecar } of joined) await sidecar.close()
    await application.close()
    await plane.close()
    rmSync(dir, { recursive: true })
  })

  /** One request: its status, and its cause where the mesh answered. */
  async function request(): Promise<string> {
    const { status, headers } = await ask(portOf(joined[1]!.sidecar.addresses.outbound), 'http://reviews/', { agent })
    return `${status} ${headers['x-selvedge-cause'] ?? ''}`.trim()
  }

  const eventually = (timeout: number, holds: () => Promise<void>) => vi.waitFor(holds, { timeout, interval: 100 })
  const overdue = async ({ page }: Joined) =>
    /^selvedge_certificate_renewal_overdue 1$/m.test((await page('/metrics')).body)

  test('raise an alarm from half of their life on, serve until its end, and nobody afterwards', async () => {
    await eventually(5_000, async () => expect(await request()).toBe('200'))
    for (const each of joined) {
      expect(await each.page('/readyz')).toMatchObject({ status: 200, body: 'ready\n' })
      expect(await overdue(each)).toBe(false)
    }
    await plane.close()

    for (const each of joined) {
      await eventually(LIFE_MS, async () => expect(await overdue(each)).toBe(true))
      const { status, body } = await each.page('/readyz')
      expect([status, body]).toEqual([
        200,
        expect.stringMatching(/^ready; the certificate ends at \S+Z, and could not be renewed: /),
      ])
      await eventually(3_000, async () => expect(each.said(/"level":40.*Cannot renew the certificate/)).toBe(1))
    }
    expect(await request()).toBe('200')

    for (const each of joined) {
      await eventually(LIFE_MS, async () =>
        expect(await each.page('/readyz')).toMatchObject({
          status: 503,
          body: expect.stringMatching(/^the certificate ended at /),
        }),
      )
    }
    const before = application.seen
    for (let i = 0; i < 10; i++) {
      expect(await request()).toBe('503 connect-failed')
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    expect(application.seen).toBe(before)
    const endpoints = JSON.parse(
      (await ask(portOf(joined[1]!.sidecar.addresses.admin), '/endpoints')).body,
    ) as readonly { readonly endpoints: readonly { readonly connections: number }[] }[]
    expect(endpoints.flatMap(each => each.endpoints.map(({ connections }) => connections))).toEqual([0])
    for (const each of joined) {
      await eventually(3_000, async () => expect(each.said(/"level":50.*the certificate: it has ended/)).toBe(1))
    }
  })
})

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}
