import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Application, echoApplication, httpApplication } from '../../fakes/application.ts'
import { ask, begin } from '../../in-process/client.ts'
import { routeTo, service } from '../../in-process/discovery.fixture.ts'
import { type RunningSidecar, WholeMesh } from './whole.fixture.ts'

const IDLE = ['--forget-after', '1s']

let mesh: WholeMesh
let reviews: Application

beforeEach(async () => {
  mesh = new WholeMesh()
  await mesh.start()
  reviews = await echoApplication('reviews')
  mesh.closes(() => reviews.close())
})
afterEach(() => mesh.close())

/** A Service whose port 80 is the application's own. */
function serving(name: string, port: number) {
  const resource = service(name)
  return {
    ...resource,
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: port, appProtocol: 'http' }] },
  }
}
async function held(sidecar: RunningSidecar): Promise<string[]> {
  const { services } = (await sidecar.page('/config')) as { services: { key: string }[] }
  return services.map(({ key }) => key).sort()
}
const status = async (sidecar: RunningSidecar, url = 'http://reviews/') => (await ask(sidecar.outbound, url)).status

describe('a sidecar', () => {
  it('holds what it uses and its backends, lets go of what nobody uses, and asks for it again when it is wanted', async () => {
    await mesh.apply(
      serving('reviews', reviews.port),
      serving('ratings', reviews.port),
      routeTo('reviews'),
      service('unused'),
    )
    await mesh.sidecar('reviews', { port: reviews.port })
    const web = await mesh.sidecar('web', { flags: IDLE })
    await expect.poll(() => status(web)).toBe(200)
    expect(await held(web)).toEqual(['bookshop/reviews'])
    await mesh.apply(routeTo('ratings'))
    await expect.poll(() => held(web)).toEqual(['bookshop/ratings', 'bookshop/reviews'])
    await expect.poll(() => held(web)).toEqual([])
    expect(await mesh.subscriptionsOf('bookshop/web-0')).toEqual([])
    expect(await web.page('/endpoints')).toEqual([])
    await mesh.apply(routeTo('reviews'))
    expect(await status(web)).toBe(200)
    expect(await held(web)).toEqual(['bookshop/reviews'])
  })

  it('lets go of nothing that a request is under way to', async () => {
    const slow = await httpApplication((_request, response) => response.write('begun'))
    mesh.closes(() => slow.close())
    await mesh.apply(serving('slow', slow.port))
    await mesh.sidecar('slow', { port: slow.port })
    const web = await mesh.sidecar('web', { flags: IDLE })
    await expect.poll(async () => (await begin(web.outbound, 'http://slow/')).statusCode).toBe(200)
    await new Promise(resolve => setTimeout(resolve, 2_500))
    expect(await held(web)).toEqual(['bookshop/slow'])
    expect(await mesh.subscriptionsOf('bookshop/web-0')).toEqual(['bookshop/slow'])
  })

  it('remembers names that do not exist within bounds of number and time, on both sides', async () => {
    await mesh.apply({
      apiVersion: 'selvedge.dev/v1',
      kind: 'MeshPolicy',
      metadata: { name: 'default', namespace: 'selvedge-system' },
      spec: { unknownDestinations: 'refuse' },
    })
    const web = await mesh.sidecar('web', { flags: IDLE })
    const names = Array.from({ length: 300 }, (_, i) => `http://made-up-${i}/`)
    for (const name of names) expect(await status(web, name)).toBe(502)
    expect((await mesh.subscriptionsOf('bookshop/web-0')).length).toBeGreaterThan(0)
    await expect.poll(() => mesh.subscriptionsOf('bookshop/web-0')).toEqual([])
    await expect.poll(async () => ((await web.page('/status')) as { subscriptions: number }).subscriptions).toBe(0)
  })
})

describe('[FAULT-1] a sidecar that starts while the control plane is away', () => {
  let state: string
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'selvedge-state-'))
  })
  afterEach(() => rmSync(state, { recursive: true, force: true }))

  it('serves with what it has kept, says so, and takes what it missed when the control plane is back', async () => {
    await mesh.apply(serving('reviews', reviews.port))
    await mesh.sidecar('reviews', { port: reviews.port })
    const first = await mesh.sidecar('web', { flags: ['--state-dir', state] })
    await expect.poll(() => status(first)).toBe(200)
    await first.close()
    await mesh.stop()
    const second = await mesh.sidecarWith('', 'web', { flags: ['--state-dir', state] })
    expect(await status(second)).toBe(200)
    expect(await second.metrics()).toContain('selvedge_control_plane_connected 0')
    expect(second.log()).toContain('the policy that was kept on disk is in force')
    await mesh.start()
    await mesh.apply(routeTo('gone'))
    await expect.poll(() => status(second)).toBe(500)
  })

  it('is not ready where nothing was kept', async () => {
    const { token } = await mesh.ask('tokens', { serviceAccount: 'bookshop/web' })
    await mesh.stop()
    const starting = mesh.sidecarWith(String(token), 'web', { flags: ['--state-dir', state] })
    expect(await Promise.race([starting, new Promise(resolve => setTimeout(resolve, 1_000, 'not ready'))])).toBe(
      'not ready',
    )
    await mesh.start()
    expect((await starting).outbound).toBeGreaterThan(0)
  })
})
