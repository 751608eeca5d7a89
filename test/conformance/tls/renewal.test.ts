import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Application, httpApplication } from '../../fakes/application.ts'
import { ask, begin } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { service } from '../../in-process/resources.ts'

// [TLS-13] What becomes of connections when a certificate is renewed.

/** Renewed at half. */
const LEAF_LIFE_MS = 4_000

let mesh: Mesh
let catalog: Application
let callee: SidecarUnderTest
let web: SidecarUnderTest
let finish: (() => void) | undefined

beforeAll(async () => {
  mesh = startMesh()
  catalog = await mesh.with(
    httpApplication((request, response) => {
      if (request.url !== '/slow') {
        response.writeHead(200, { 'content-length': 2 }).end('ok')
        return
      }
      response.writeHead(200, { 'content-length': 10 }).write('half.')
      finish = () => response.end('whole')
    }),
  )
  const labels = { app: 'catalog' }
  callee = await mesh.sidecar('catalog', { port: catalog.port, labels, config: { leafLifeMs: LEAF_LIFE_MS } })
  web = await mesh.sidecar('web', {
    resources: [callee.workload, service('catalog', labels)],
    config: { leafLifeMs: LEAF_LIFE_MS },
  })
})
afterAll(() => mesh.close())

async function notAfter(of: SidecarUnderTest): Promise<string> {
  return (JSON.parse(await of.page('/identity')) as { readonly notAfter: string }).notAfter
}

async function connections(): Promise<number> {
  const [destination] = await web.endpoints()
  return destination?.endpoints[0]?.connections ?? 0
}

/** The certificate that the inbound port shows to who connects now. */
function shownNow(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: callee.inbound, rejectUnauthorized: false })
    socket.once('secureConnect', () => {
      resolve(socket.getPeerX509Certificate()?.validToDate.toISOString() ?? '')
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

describe('[TLS-13] at renewal', () => {
  test('new exchanges get new connections; one that is under way finishes on the old one, and then that ends', async () => {
    expect((await ask(web.outbound, 'http://catalog/')).status).toBe(200)
    const before = await notAfter(web)
    const slow = await begin(web.outbound, 'http://catalog/slow')
    let body = ''
    slow.on('data', chunk => {
      body += String(chunk)
    })
    await until(() => finish !== undefined)
    const held = await connections()
    expect(held).toBe(1)
    await until(async () => (await notAfter(web)) !== before)
    // The one under way has its old connection still; what comes takes another, once that one's turn to be left has come.
    await until(async () => (await ask(web.outbound, 'http://catalog/')).status === 200 && (await connections()) === 2)
    finish?.()
    await until(() => body === 'half.whole')
    await until(async () => (await connections()) === 1)
  })

  test('a server shows its new certificate to who connects from then on', async () => {
    const before = await shownNow()
    await until(async () => (await shownNow()) > before)
    expect(await shownNow()).toBe(await notAfter(callee))
  })

  test('no connection of before is left once the new certificate has been in use for a tenth of its life', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(web.outbound, 'http://catalog/')))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(await connections()).toBeGreaterThan(0)
    const before = await notAfter(web)
    await until(async () => (await notAfter(web)) !== before)
    // Nothing asks for new ones, and so none is there.
    await until(async () => (await connections()) === 0)
  })
})
