import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadCaDir, makeKeyPair, signLeaf, toPem } from '../../../certs/mod.ts'
import { workloadSpiffeId } from '../../../common/mod.ts'
import { type Application, echoApplication } from '../../fakes/application.ts'
import { ask, wire } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, TRUST_DOMAIN, until } from '../../in-process/mesh.ts'
import { service } from '../../in-process/resources.ts'

const MIB = 1024 * 1024
const HEAD = 'GET / HTTP/1.1\r\nHost: hello\r\n'

let mesh: Mesh
let application: Application
/** Has a limit that this test can reach; all sidecars here are in one process. */
let short: SidecarUnderTest
let spare: SidecarUnderTest
let caller: SidecarUnderTest

beforeAll(async () => {
  mesh = startMesh()
  application = await mesh.with(echoApplication('hello'))
  const selector = { app: 'hello' }
  spare = await mesh.sidecar('spare', { port: application.port, labels: selector })
  short = await mesh.sidecar('short', {
    ...{ port: application.port, labels: selector },
    resources: [spare.workload, service('hello', selector)],
    config: { memoryMaxBytes: process.memoryUsage.rss() + 300 * MIB },
  })
  caller = await mesh.sidecar('caller', { resources: [short.workload, spare.workload, service('hello', selector)] })
})
afterAll(() => mesh.close())

/** A peer of the mesh with a connection to the inbound port. */
async function peer(port: number): Promise<{ readonly socket: TLSSocket; received(): string }> {
  const ca = loadCaDir(mesh.caDir)
  if (!ca.ok) throw new Error(ca.error)
  const keys = makeKeyPair()
  const leaf = signLeaf({
    caCertificateDer: ca.value.certificateDer,
    caPrivateKeyPem: ca.value.privateKeyPem,
    publicKeySpkiDer: keys.publicKeySpkiDer,
    spiffeId: workloadSpiffeId(TRUST_DOMAIN, 'shop', 'tester'),
    dnsNames: [],
    lifeMs: 3_600_000,
    nowMs: Date.now(),
  })
  const socket = connectTls({
    ...{ host: '127.0.0.1', port, cert: toPem('CERTIFICATE', leaf), key: keys.privateKeyPem },
    ca: toPem('CERTIFICATE', ca.value.certificateDer),
    checkServerIdentity: () => undefined,
  })
  let received = ''
  socket.on('data', chunk => {
    received += chunk.toString('latin1')
  })
  socket.on('error', () => undefined)
  await new Promise(resolve => socket.once('secureConnect', resolve))
  return { socket, received: () => received }
}

async function refuses(what: string): Promise<boolean> {
  return new RegExp(`^selvedge_overload_state\\{refuses="${what}"\\} 1$`, 'm').test(await short.page('/metrics'))
}

describe('[LOAD-3] a sidecar whose memory is full', () => {
  test('answers 503 overload at both doors, asks nobody, is spared by callers, and takes all again', async () => {
    const outbound = wire(short.outbound)
    const inbound = await peer(short.inbound)
    // Who is in the middle of a head is not idle, and stays.
    outbound.send(HEAD)
    inbound.socket.write(HEAD)
    expect((await ask(caller.outbound, 'http://hello/')).status).toBe(200)

    // Written to, so that it is resident.
    let ballast: Buffer | undefined = Buffer.alloc(320 * MIB, 1)
    expect(ballast.length).toBeGreaterThan(0)
    await until(() => refuses('requests'))
    const { seen } = application
    outbound.send('\r\n')
    await outbound.match(/^HTTP\/1\.1 503 Service Unavailable\r\n[\s\S]*x-selvedge-cause: overload\r\n/)
    inbound.socket.write('\r\n')
    await until(() =>
      /^HTTP\/1\.1 503 Service Unavailable\r\n[\s\S]*x-selvedge-cause: overload\r\n/.test(inbound.received()),
    )
    expect(application.seen).toBe(seen)
    const late = wire(short.outbound)
    await late.ended()
    expect((await ask(short.metrics, '/healthz')).status).toBe(200)
    expect((await ask(short.metrics, '/readyz')).status).toBe(503)

    // Nothing was done there, so that it is done elsewhere.
    for (let i = 0; i < 20; i++) expect((await ask(caller.outbound, 'http://hello/')).status).toBe(200)

    // The watch has it collected: nobody else does, in a process that does little.
    ballast = undefined
    await until(async () => !(await refuses('connections')))
    expect((await ask(short.outbound, 'http://hello/')).status).toBe(200)
    expect((await ask(short.metrics, '/readyz')).body).toBe('ready\n')
    for (const direction of ['inbound', 'outbound']) {
      expect(await short.page('/metrics')).toMatch(
        new RegExp(`^selvedge_requests_total\\{direction="${direction}".*code="503".*cause="overload".*\\} 1$`, 'm'),
      )
    }
    expect(
      short
        .log()
        .filter(({ level }) => level === 40)
        .map(({ msg }) => msg),
    ).toContainEqual(expect.stringMatching(/^Cannot take requests: memory is full/))
  })
})
