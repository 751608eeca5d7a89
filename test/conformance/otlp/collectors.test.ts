import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toPem } from '../../../certs/mod.ts'
import { quickApplication } from '../../fakes/application.ts'
import { ask } from '../../in-process/client.ts'
import { sendMany } from '../../in-process/load.ts'
import { type Mesh, startMesh, until } from '../../in-process/mesh.ts'
import { meshPolicy, type Resource, service, workload } from '../../in-process/resources.ts'
import { caOf, leafOf } from '../pki.ts'
import { type OtlpReceiver, startReceiver } from './receiver.ts'

let mesh: Mesh
let receiver: OtlpReceiver
/** Knows nothing of the mesh, and is reached in plaintext. */
let shop: readonly Resource[]

beforeAll(async () => {
  mesh = startMesh()
  receiver = await mesh.with(startReceiver())
  const application = await mesh.with(quickApplication('ok'))
  shop = [workload('shop', { labels: { app: 'shop' }, port: application.port }), service('shop', { app: 'shop' })]
})
afterAll(() => mesh.close())

function exportTo(endpoint: string): Resource {
  return meshPolicy({ unknownDestinations: 'refuse', tracing: { sampling: 100, otlp: { endpoint } } })
}

/** The paths of what a service's sidecar has exported, one for each exchange. */
async function exchangesOf(name: string): Promise<readonly unknown[]> {
  return (await receiver.spans())
    .filter(span => span.resource['service.name'] === name && span.attributes['selvedge.span'] !== 'attempt')
    .map(span => span.attributes['url.path'])
}

async function metric(page: (path: string) => Promise<string>, name: string): Promise<number> {
  const line = (await page('/metrics')).split('\n').find(text => text.startsWith(`${name} `)) ?? ''
  return Number(line.slice(name.length + 1))
}

describe('where spans go', () => {
  test('to a host outside the mesh, also where unknown destinations are refused', async () => {
    const web = await mesh.sidecar('outside', { resources: [...shop, exportTo(receiver.grpc)] })
    await ask(web.outbound, 'http://shop/outside')
    await until(async () => (await exchangesOf('outside')).includes('/outside'))
    // Neither a request of this sidecar's nor a connection through its own doors.
    expect(await web.page('/metrics')).not.toContain(String(receiver.grpcPort))
    expect((await web.endpoints()).map(({ destination }) => destination)).toEqual(['shop/shop'])
  })

  test('to a Service that is not in the mesh, by the address of its workload', async () => {
    const collector = workload('plain', { labels: { app: 'plain' }, port: receiver.httpPort })
    const at = [collector, service('plain-collector', { app: 'plain' }, 4318)]
    const web = await mesh.sidecar('by-name', {
      resources: [...shop, ...at, exportTo('http://plain-collector.shop:4318')],
    })
    await ask(web.outbound, 'http://shop/by-name')
    await until(async () => (await exchangesOf('by-name')).includes('/by-name'))
    expect(receiver.exports.at(-1)).toMatchObject({ by: 'http', fields: { host: 'plain-collector.shop:4318' } })
  })

  test('to a Service of the mesh over mTLS, and no export leaves a span: not at its caller, and not at its callee', async () => {
    const own = [service('collector', { app: 'collector' }, 4318)]
    const policy = exportTo('http://collector:4318')
    const collector = await mesh.sidecar('collector', { port: receiver.httpPort, labels: { app: 'collector' } })
    // Its own spans go to itself.
    await collector.edit(...own, { ...policy })
    const web = await mesh.sidecar('through', { resources: [...shop, collector.workload, ...own, policy] })
    for (const path of ['/one', '/two']) {
      await ask(web.outbound, `http://shop${path}`)
      await until(async () => (await exchangesOf('through')).includes(path))
    }
    const inbound = async () =>
      (await collector.page('/metrics')).match(/selvedge_requests_total\{direction="inbound".*/g)
    expect(await inbound()).toEqual([
      expect.stringMatching(
        /source="shop\/through",destination="shop\/collector",.*tls="mtls",code="200",cause=""\} 2$/,
      ),
    ])
    expect(await exchangesOf('through')).toEqual(['/one', '/two'])
    expect(await exchangesOf('collector')).toEqual([])
    expect(await metric(collector.page, 'selvedge_spans_exported_total')).toBe(0)
  })

  test('to a Service of the mesh not over gRPC yet, and not with TLS inside: it is said what to write', async () => {
    const own = [service('collector', { app: 'collector' }, 4317)]
    const collector = await mesh.sidecar('collector-rpc', { port: receiver.grpcPort, labels: { app: 'collector' } })
    const known = [...shop, collector.workload, ...own]
    const web = await mesh.sidecar('told', { resources: [...known, exportTo('grpc://collector:4317')] })
    const told = () => web.log().map(({ msg }) => String(msg))
    await ask(web.outbound, 'http://shop/')
    await until(() => told().some(text => /speak HTTP\/1\.1 for now: write http:\/\//.test(text)))
    await web.edit(...known, exportTo('https://collector:4317'))
    await until(() => told().some(text => /the mesh, which encrypts by itself: write http:\/\//.test(text)))
    await web.edit(...known, exportTo('http://collector:9999'))
    await until(() => told().some(text => /shop\/collector has no port 9999; it has 4317/.test(text)))
  })
})

describe('over TLS', () => {
  const ca = caOf('collectors.test')
  let known: readonly string[]
  let far: OtlpReceiver
  beforeAll(async () => {
    known = getCACertificates('default')
    far = await mesh.with(
      startReceiver(
        leafOf({ id: 'spiffe://collectors.test/collector', issuer: ca, change: { dnsSans: ['localhost'] } }),
      ),
    )
  })
  afterAll(() => setDefaultCACertificates([...known]))

  test.each(['http', 'grpc'] as const)(
    'by %s: a collector is believed when a root of the system vouches for its name',
    async by => {
      setDefaultCACertificates([...known])
      const name = `tls-${by}`
      const web = await mesh.sidecar(name, { resources: [...shop, exportTo(far[by])] })
      const came = async () => (await far.spans()).filter(span => span.resource['service.name'] === name).length
      await ask(web.outbound, 'http://shop/tls')
      await until(() =>
        web.log().some(({ msg }) => /^Cannot export .*(self.signed|unable to verify|certificate)/i.test(String(msg))),
      )
      expect(await came()).toBe(0)
      setDefaultCACertificates([...known, toPem('CERTIFICATE', ca.certificateDer)])
      // It is tried again by itself.
      await until(async () => (await came()) === 2)
    },
  )
})

describe('a change of policy', () => {
  test('under load, from one protocol to another and off and on, loses no span and fails no request', async () => {
    const web = await mesh.sidecar('changing', { resources: [...shop, exportTo(receiver.http)] })
    const each = 60
    const total = 5 * each
    for (const endpoint of [receiver.grpc, receiver.http, 'none', receiver.grpc, receiver.http]) {
      const load = sendMany(web.outbound, 'GET /load HTTP/1.1\r\nHost: shop\r\n\r\n', each, 4)
      await web.edit(...shop, exportTo(endpoint))
      expect([...(await load).statuses]).toEqual([[200, each]])
      // What is asked while the export is off is not kept at all: nothing of it is dropped.
    }
    const dropped = (await web.page('/metrics')).match(/^selvedge_spans_dropped_total.*$/gm) ?? []
    expect(dropped.filter(line => !line.endsWith(' 0'))).toEqual([])
    await web.sidecar.close()
    const came = (await exchangesOf('changing')).length
    expect(came).toBeGreaterThan(total / 2)
    expect(came).toBeLessThanOrEqual(total)
    const both = (await receiver.spans()).filter(span => span.resource['service.name'] === 'changing')
    expect(new Set(both.map(span => span.spanId)).size).toBe(both.length)
    expect(both).toHaveLength(2 * came)
  })

  test('and the end of a sidecar: what is queued has left when it is closed', async () => {
    for (const protocol of ['http', 'grpc'] as const) {
      const name = `ending-${protocol}`
      const web = await mesh.sidecar(name, { resources: [...shop, exportTo(receiver[protocol])] })
      await sendMany(web.outbound, 'GET /end HTTP/1.1\r\nHost: shop\r\n\r\n', 20, 2)
      await web.sidecar.close()
      expect(await exchangesOf(name)).toHaveLength(20)
    }
  })
})
