import { renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadCaDir, parseCertificate, toPem } from '../../certs/mod.ts'
import { workloadKey } from '../../common/mod.ts'
import { startSidecar } from '../../sidecar/app.ts'
import { echoApplication, quickApplication } from '../fakes/application.ts'
import { ask } from './client.ts'
import { sendMany, type Tally } from './load.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from './mesh.ts'
import { meshPolicy, type Resource, service, textOf, workload } from './resources.ts'

let mesh: Mesh
beforeAll(() => {
  mesh = startMesh()
})
afterAll(() => mesh.close())

const GET = 'GET / HTTP/1.1\r\nHost: catalog\r\n\r\n'

describe('the file is watched', () => {
  let web: SidecarUnderTest
  let callee: SidecarUnderTest
  let good: readonly Resource[]

  beforeAll(async () => {
    const catalog = await mesh.with(echoApplication('catalog'))
    callee = await mesh.sidecar('catalog', { port: catalog.port, labels: { app: 'catalog' } })
    good = [callee.workload, service('catalog', { app: 'catalog' })]
    web = await mesh.sidecar('web', { resources: good })
  })

  async function status(host: string): Promise<string> {
    const { status: code, headers } = await ask(web.outbound, `http://${host}/`)
    return `${code} ${headers['x-selvedge-cause'] ?? ''}`.trim()
  }

  function logged(pattern: RegExp): readonly Readonly<Record<string, unknown>>[] {
    return web.log().filter(({ msg }) => pattern.test(String(msg)))
  }

  test('a good edit takes effect, and is logged', async () => {
    await web.edit(...good, meshPolicy({ unknownDestinations: 'refuse' }))
    expect(await status('new')).toBe('502 unknown-destination')
    await web.edit(...good, service('new', { app: 'catalog' }), meshPolicy({ unknownDestinations: 'refuse' }))
    expect(await status('new')).toBe('200')
    expect(logged(/^Applied the policy file/).length).toBeGreaterThanOrEqual(3)
  })

  test('what is taken out is gone', async () => {
    await web.edit(...good, meshPolicy({ unknownDestinations: 'refuse' }))
    expect(await status('new')).toBe('502 unknown-destination')
    await web.edit(service('catalog', { app: 'catalog' }))
    expect(await status('catalog')).toBe('503 no-healthy-endpoint')
    await web.edit(...good)
    expect(await status('catalog')).toBe('200')
  })

  test.each([
    ['is no YAML', '{{{'],
    ['has an unknown field', textOf([service('catalog', { app: 'x' }), { ...service('b', {}), spce: {} }])],
    ['lacks the workload itself', textOf([service('catalog', { app: 'catalog' })])],
    ['is empty', ''],
  ])('a faulty edit is refused with its reason, and the last good one stays: it %s', async (_, text) => {
    const before = logged(/^Cannot apply the policy file/).length
    writeFileSync(web.path, text)
    await until(() => logged(/^Cannot apply the policy file/).length > before)
    const [line] = logged(/^Cannot apply the policy file/).slice(-1)
    expect(line).toMatchObject({ level: 50, path: web.path })
    expect(JSON.stringify(line?.problems).length).toBeGreaterThan(20)
    expect(String(line?.msg)).toMatch(/revision [0-9a-f]{12} stays in force/)
    expect(await status('catalog')).toBe('200')
    expect((await ask(web.metrics, '/readyz')).status).toBe(200)
  })

  test('an edit by replacing the file, as editors do, is noticed; so is a mended one', async () => {
    const next = textOf([
      workload('web', {}),
      ...[...good, service('again', { app: 'catalog' }), meshPolicy({ unknownDestinations: 'refuse' })],
    ])
    writeFileSync(`${web.path}.new`, next)
    renameSync(`${web.path}.new`, web.path)
    await until(async () => (await status('again')) === '200')
  })

  test('an edit under load fails no request, and keeps the connections', async () => {
    const load = sendMany(web.outbound, GET, 2_000, 8)
    for (let n = 0; n < 5; n++) await web.edit(...good, service(`other-${n}`, {}))
    expect([...(await load).statuses]).toEqual([[200, 2_000]])
    const [catalog] = (await web.endpoints()).filter(({ destination }) => destination === 'shop/catalog')
    expect(catalog?.breaker.connections).toBeLessThanOrEqual(9)
  })

  test('a request keeps the rules that it began with; a removed endpoint finishes what it has', async () => {
    const slow = ask(web.outbound, 'http://catalog/', { method: 'POST', body: 'x'.repeat(1_000_000) })
    await web.edit(service('catalog', { app: 'catalog' }))
    expect((await slow).status).toBe(200)
    expect(await status('catalog')).toBe('503 no-healthy-endpoint')
    await web.edit(...good)
  })
})

describe('a sidecar does not start, and says why', () => {
  test.each([
    ['without its file', () => ({ path: '/nowhere/mesh.yaml' }), /cannot be read/],
    ['without its CA', () => ({ caDir: '/nowhere' }), /Cannot load the CA/],
    ['without its workload', () => ({ workload: workloadKey('shop', 'else') }), /holds no Workload shop\/else/],
  ] as const)('%s', async (how, change, words) => {
    const good = await mesh.sidecar(how.toLowerCase().replaceAll(' ', '-'))
    const { path, caDir, workload: name } = { path: good.path, caDir: mesh.caDir, ...good.config, ...change() }
    const config = { ...good.config, workload: name, source: { kind: 'file', path, caDir } } as const
    const started = await startSidecar(config, '0.0.0-test')
    expect(started.ok ? 'started' : started.error).toMatch(words)
  })

  test('on a port that is in use, and leaves none of its others open', async () => {
    const { config, outbound } = await mesh.sidecar('first-on-port')
    const free = await mesh.with(quickApplication('x'))
    await free.close()
    const started = await startSidecar(
      { ...config, ports: { ...config.ports, outbound: free.port, metrics: outbound } },
      '0',
    )
    expect(started.ok ? 'started' : started.error).toMatch(
      /^Cannot listen on 127\.0\.0\.1:[0-9]+: the port is in use\. Choose another port with --metrics-port/,
    )
    await free.reopen()
  })
})

describe('[TLS-13] the identity is renewed under load', () => {
  test('no request fails, and new connections show the new certificate', async () => {
    const application = await mesh.with(quickApplication('ok'))
    // Certificates count in whole seconds; they are renewed at half of their lives.
    const config = { leafLifeMs: 2_000 }
    const callee = await mesh.sidecar('short', { port: application.port, labels: { app: 'short' }, config })
    const caller = await mesh.sidecar('short-web', {
      resources: [callee.workload, service('catalog', { app: 'short' })],
      config,
    })
    const notAfter = async (sidecar: SidecarUnderTest) => {
      const { notAfter: text } = JSON.parse(await sidecar.page('/identity')) as { notAfter: string }
      return Date.parse(text)
    }
    const first = await Promise.all([notAfter(callee), notAfter(caller)])
    const tallies: Tally[] = []
    let loading = true
    const load = (async () => {
      while (loading) tallies.push(await sendMany(caller.outbound, GET, 200, 4))
    })()
    // Beyond the end of the first certificates of both.
    await until(async () => {
      const now = await Promise.all([notAfter(callee), notAfter(caller)])
      return Date.now() > Math.max(...first) && now.every((end, at) => end > first[at]!)
    })
    expect(await shownNotAfter(callee.inbound)).toBeGreaterThan(Date.now())
    loading = false
    await load
    for (const { statuses } of tallies) expect([...statuses.keys()]).toEqual([200])
    const metrics = await caller.page('/metrics')
    const expiry = Number(/selvedge_certificate_expiry_timestamp_seconds ([0-9.e+]+)/.exec(metrics)?.[1])
    expect(expiry * 1000).toBeGreaterThan(Date.now())
    // Connections of the old identity have been closed: one for each caller's connection, and those are new.
    const [view] = await caller.endpoints()
    expect(view?.breaker.connections).toBeLessThanOrEqual(8)
  })
})

/** When the certificate ends that the inbound port shows. */
function shownNotAfter(port: number): Promise<number> {
  const ca = loadCaDir(mesh.caDir)
  if (!ca.ok) throw new Error(ca.error)
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...{ host: '127.0.0.1', port, ca: toPem('CERTIFICATE', ca.value.certificateDer) },
      checkServerIdentity: (_host, certificate) => {
        const facts = parseCertificate(certificate.raw)
        if (facts.ok) resolve(facts.value.notAfterMs)
        else reject(new Error(facts.error))
        return undefined
      },
    })
    socket.on('error', () => undefined)
    socket.on('secureConnect', () => socket.destroy())
  })
}
