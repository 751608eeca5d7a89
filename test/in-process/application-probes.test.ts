import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadCaDir, makeKeyPair, signLeaf, toPem } from '../../certs/mod.ts'
import { workloadSpiffeId } from '../../common/mod.ts'
import { parseApplicationProbes } from '../../sidecar/application-probes/mod.ts'
import { type Application, byteApplication, httpApplication } from '../fakes/application.ts'
import { ask } from './client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, TRUST_DOMAIN } from './mesh.ts'

let mesh: Mesh
let sidecar: SidecarUnderTest
let http: Application
let bytes: Application
let gone: number
let seenHeaders: Readonly<Record<string, string | string[] | undefined>> = {}
const closers: (() => void)[] = []

/** gRPC's own health protocol: `orders` serves, `payments` does not, and others are unknown. */
async function grpcApplication(): Promise<number> {
  const server = new GrpcServer()
  const pass = (value: Buffer): Buffer => value
  const check = {
    ...{ path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false },
    ...{ requestSerialize: pass, requestDeserialize: pass, responseSerialize: pass, responseDeserialize: pass },
  }
  server.addService(
    { check },
    {
      check: (call: { readonly request: Buffer }, answer: (error: object | null, value?: Buffer) => void) => {
        const service = call.request.subarray(2).toString()
        if (service === 'unknown') answer({ code: 5, details: 'unknown service' })
        else answer(null, Buffer.from(service === 'payments' ? [8, 2] : [8, 1]))
      },
    },
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  closers.push(() => server.forceShutdown())
  return port
}

async function tlsApplication(caDir: string): Promise<number> {
  const ca = loadCaDir(caDir)
  if (!ca.ok) throw new Error(ca.error)
  const keys = makeKeyPair()
  const leaf = signLeaf({
    ...{ caCertificateDer: ca.value.certificateDer, caPrivateKeyPem: ca.value.privateKeyPem },
    ...{ publicKeySpkiDer: keys.publicKeySpkiDer, spiffeId: workloadSpiffeId(TRUST_DOMAIN, 'shop', 'tls') },
    ...{ dnsNames: ['elsewhere.example.com'], lifeMs: 3_600_000, nowMs: Date.now() },
  })
  const server = createTlsServer({ cert: toPem('CERTIFICATE', leaf), key: keys.privateKeyPem }, (_, response) =>
    response.end('well'),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  closers.push(() => server.close())
  return (server.address() as AddressInfo).port
}

beforeAll(async () => {
  mesh = startMesh()
  http = await httpApplication((request, response) => {
    const path = request.url ?? ''
    seenHeaders = request.headers
    const status = Number(/^\/status\/(\d+)/.exec(path)?.[1] ?? 200)
    if (path === '/silent') return
    if (path === '/around') response.writeHead(302, { location: '/around' })
    else if (path === '/away') response.writeHead(302, { location: 'http://elsewhere.example.com/' })
    else if (path === '/moved') response.writeHead(301, { location: '/status/503' })
    else response.writeHead(status)
    response.end('what only the application knows')
  })
  bytes = await byteApplication(socket => socket.end())
  const dead = await byteApplication(() => {})
  gone = dead.port
  await dead.close()
  const grpc = await grpcApplication()
  const tls = await tlsApplication(mesh.caDir)
  const get = (path: string, more: object = {}) => ({ httpGet: { port: http.port, path, ...more }, timeoutSeconds: 1 })
  const probes = parseApplicationProbes(
    JSON.stringify({
      '/application/app/well': get('/status/204?a=b', { httpHeaders: [{ name: 'Host', value: 'orders.example' }] }),
      '/application/app/redirect-well': get('/away'),
      '/application/app/unwell': get('/status/500'),
      '/application/app/unwell-404': get('/status/404'),
      '/application/app/moved': get('/moved'),
      '/application/app/around': get('/around'),
      '/application/app/silent': get('/silent'),
      '/application/app/gone': { httpGet: { port: gone, path: '/' } },
      '/application/app/odd-header': get('/', { httpHeaders: [{ name: 'a b', value: 'x' }] }),
      '/application/app/tls': { httpGet: { port: tls, path: '/', scheme: 'HTTPS' }, timeoutSeconds: 5 },
      '/application/app/tcp': { tcpSocket: { port: bytes.port } },
      '/application/app/tcp-gone': { tcpSocket: { port: gone } },
      '/application/app/grpc': { grpc: { port: grpc, service: 'orders' }, timeoutSeconds: 5 },
      '/application/app/grpc-all': { grpc: { port: grpc }, timeoutSeconds: 5 },
      '/application/app/grpc-unwell': { grpc: { port: grpc, service: 'payments' }, timeoutSeconds: 5 },
      '/application/app/grpc-unknown': { grpc: { port: grpc, service: 'unknown' }, timeoutSeconds: 5 },
      '/application/app/grpc-gone': { grpc: { port: gone }, timeoutSeconds: 1 },
    }),
  )
  if (!probes.ok) throw new Error(probes.error)
  sidecar = await mesh.sidecar('orders', { port: http.port, config: { probes: probes.value } })
})
afterAll(async () => {
  for (const close of closers) close()
  await mesh.close()
  await Promise.all([http, bytes].map(application => application.close()))
})

const probe = (name: string) => ask(sidecar.metrics, `/application/app/${name}`)

describe("the kubelet's probes at the sidecar's health port", () => {
  it.each(['well', 'redirect-well', 'tls', 'tcp', 'grpc', 'grpc-all'])('%s is well', async name => {
    expect(await probe(name)).toMatchObject({ status: 200, body: 'ok\n' })
  })

  it.each([
    ['unwell', 'answers 500'],
    ['unwell-404', 'answers 404'],
    ['moved', 'answers 503'],
    ['around', 'redirects without end'],
    ['silent', 'does not answer in time'],
    ['gone', 'ECONNREFUSED'],
    ['odd-header', 'header'],
    ['tcp-gone', 'ECONNREFUSED'],
    ['grpc-unwell', 'not serving (status 2)'],
    ['grpc-unknown', 'unknown service'],
    ['grpc-gone', 'port'],
  ])('%s is not, and says why: %s', async (name, why) => {
    const { status, body } = await probe(name)
    expect(status).toBe(503)
    expect(body.toLowerCase()).toContain(why.toLowerCase())
  })

  it("are asked with the probe's own headers, and hand on nothing that the application said", async () => {
    const { body } = await probe('well')
    expect(seenHeaders).toMatchObject({ host: 'orders.example', 'user-agent': 'kube-probe/selvedge' })
    expect(body).not.toContain('only the application knows')
  })

  it('are all that can be asked there', async () => {
    const before = http.seen
    expect((await ask(sidecar.metrics, '/application/app/other')).status).toBe(404)
    expect((await ask(sidecar.metrics, '/application/app/well', { method: 'POST' })).status).toBe(404)
    expect(http.seen).toBe(before)
    expect((await ask(sidecar.metrics, '/healthz')).status).toBe(200)
  })

  it('run twice each at once, so that nobody can flood the application with them', async () => {
    const table = { '/application/app/silent': { httpGet: { port: http.port, path: '/silent' } } }
    const probes = parseApplicationProbes(JSON.stringify(table))
    if (!probes.ok) throw new Error(probes.error)
    const other = await mesh.sidecar('payments', { port: http.port, config: { probes: probes.value } })
    const before = http.seen
    const path = '/application/app/silent'
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(other.metrics, path)))
    expect(answers.filter(({ body }) => body === 'asked too often at once\n')).toHaveLength(6)
    expect(http.seen - before).toBe(2)
    expect((await ask(other.metrics, path)).body).toContain('in time')
  })
})
