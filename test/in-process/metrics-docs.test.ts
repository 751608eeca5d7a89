import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { err, type Result } from '../../common/mod.ts'
import { type ControlPlane, startControlPlane } from '../../control-plane/app.ts'
import { readControlPlaneConfig } from '../../control-plane/config.ts'
import { type Sidecar, startSidecar } from '../../sidecar/app.ts'
import { readSidecarConfig } from '../../sidecar/config.ts'
import { type Application, echoApplication } from '../fakes/application.ts'
import { ask, wire } from './client.ts'
import { portOf, until } from './mesh.ts'

interface Metric {
  readonly type: string
  readonly labels: readonly string[]
}

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/metrics.md', import.meta.url)), 'utf8')
/** What prom-client tells of any process is its own matter; the page names it as a whole. */
const OF_THE_RUNTIME = /^(process|nodejs)_/

/** The table below a heading of the page. */
function documented(heading: string): Map<string, Metric> {
  const section = PAGE.split(/^## /m).find(part => part.startsWith(`${heading}\n`)) ?? ''
  const metrics = new Map<string, Metric>()
  for (const line of section.split('\n')) {
    const [, name, type, labels] = /^\| `(\w+)` \| (\w+) \|([^|]*)\|/.exec(line) ?? []
    if (name === undefined || type === undefined) continue
    metrics.set(name, { type, labels: [...(labels ?? '').matchAll(/`(\w+)`/g)].map(([, label]) => label ?? '').sort() })
  }
  return metrics
}

/** What an exposition declares, with the labels of its first sample. */
function exposed(text: string): Map<string, Metric> {
  const metrics = new Map<string, Metric>()
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
    const sample = new RegExp(`^${name}(?:_bucket)?\\{(.*)\\} `, 'm').exec(text)?.[1] ?? ''
    const labels = [...sample.matchAll(/(\w+)="/g)].map(([, label]) => label ?? '').filter(label => label !== 'le')
    metrics.set(name, { type, labels: labels.sort() })
  }
  return metrics
}

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop }
spec:
  selector: { app: reviews }
  ports: [{ name: http, port: 80, targetPort: http }]
`

describe('docs/metrics.md lists what is printed, no more and no less', () => {
  let dataDir: string
  let plane: ControlPlane
  let application: Application
  const sidecars: Sidecar[] = []

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

  async function joined(name: string, ...flags: string[]): Promise<Sidecar> {
    const { token } = await post<{ token: string }>(
      'tokens',
      JSON.stringify({ serviceAccount: `shop/${name}` }),
      'application/json',
    )
    const { discovery, enrolment } = plane.addresses
    const ports = ['outbound', 'inbound', 'admin', 'metrics'].map(door => `--${door}-port=0`)
    const config = must(
      readSidecarConfig(
        [
          ...[`--workload=shop/${name}`, `--join-token=${token}`, '--log-level=silent', ...ports, ...flags],
          ...[`--control-plane=${discovery}`, `--enrolment=${enrolment}`],
        ],
        () => err('no file is read here'),
        {},
      ),
    )
    const sidecar = must(await startSidecar(config, '0.0.0-test'))
    sidecars.push(sidecar)
    return sidecar
  }

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'selvedge-metrics-'))
    const ports = ['rest', 'enrolment', 'discovery', 'metrics'].map(door => `--${door}-port=0`)
    const config = must(readControlPlaneConfig([`--data-dir=${dataDir}/data`, '--log-level=silent', ...ports], {}))
    plane = must(await startControlPlane(config, '0.0.0-test'))
    await post('apply', SHOP, 'application/yaml')
    application = await echoApplication('reviews')
    await joined('reviews', `--port=http=${application.port}`, '--label=app=reviews')
    const caller = await joined('caller')
    const outbound = portOf(caller.addresses.outbound)
    await until(async () => (await ask(outbound, 'http://reviews/')).status === 200)
    // What is refused and detected is counted, too.
    const opaque = wire(outbound)
    opaque.send('CONNECT reviews:80 HTTP/1.1\r\nHost: reviews:80\r\n\r\n')
    await opaque.match(/ 200 /)
    opaque.send('EHLO\r\n')
    await opaque.ended()
    const malformed = wire(outbound)
    malformed.send('GET / HTTP/9.9\r\n\r\n')
    await malformed.ended()
  })
  afterAll(async () => {
    for (const sidecar of sidecars) await sidecar.close()
    await application.close()
    await plane.close()
    rmSync(dataDir, { recursive: true })
  })

  async function metricsOf(address: string): Promise<string> {
    return (await ask(portOf(address), '/metrics')).body
  }

  it('of a sidecar', async () => {
    const text = await metricsOf(sidecars[1]?.addresses.metrics ?? '')
    expect(exposed(text)).toEqual(documented('Sidecar'))
  })

  it('of the control plane', async () => {
    const all = exposed(await metricsOf(plane.addresses.metrics))
    const own = new Map([...all].filter(([name]) => !OF_THE_RUNTIME.test(name)))
    expect(own).toEqual(documented('Control plane'))
    expect(all.size).toBeGreaterThan(own.size)
  })
})

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}
