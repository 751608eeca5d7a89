import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningSidecar, WholeMesh } from '../conformance/disc/whole.fixture.ts'
import { type Application, echoApplication } from '../fakes/application.ts'
import { ask } from './client.ts'
import { routeTo, service } from './discovery.fixture.ts'
import { sendMany } from './load.ts'
import { until } from './mesh.ts'

// Two threads carry the traffic, and one speaks with the control plane: for that, it is one sidecar.

const WORKERS = ['--workers', '2']
const WEB = 'bookshop/web-0'
const GET = 'GET / HTTP/1.1\r\nHost: reviews\r\n\r\n'
const ROUNDS = 10
const QUESTIONS = 16

let mesh: WholeMesh
let reviews: Application
let ratings: Application
let web: RunningSidecar

beforeAll(async () => {
  mesh = new WholeMesh()
  await mesh.start()
  reviews = await echoApplication('reviews')
  ratings = await echoApplication('ratings')
  for (const each of [reviews, ratings]) mesh.closes(() => each.close())
  await mesh.apply(serving('reviews', reviews.port), serving('ratings', ratings.port))
  await mesh.sidecar('reviews', { port: reviews.port, flags: WORKERS })
  await mesh.sidecar('ratings', { port: ratings.port })
  web = await mesh.sidecar('web', { flags: [...WORKERS, '--forget-after', '1s'] })
  await until(async () => (await ask(web.outbound, 'http://reviews/')).status === 200)
})
afterAll(() => mesh.close())

/** A Service whose port 80 is the application's own. */
function serving(name: string, port: number) {
  const resource = service(name)
  return {
    ...resource,
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: port, appProtocol: 'http' }] },
  }
}

async function held(): Promise<string[]> {
  const { services } = (await web.page('/config')) as { services: { key: string }[] }
  return services.map(({ key }) => key).sort()
}

/** Who answers each of many, on a connection of its own: the kernel deals them out to both threads. */
async function answerers(): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: QUESTIONS }, () => ask(web.outbound, 'http://reviews/')))
  return answers.map(({ status, body }) => (status === 200 ? (JSON.parse(body) as { name: string }).name : `${status}`))
}

describe('a sidecar with two workers', () => {
  it('is one member of the fleet, with one stream, and says that it holds an update when all workers do', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const target = round % 2 === 0 ? 'ratings' : 'reviews'
      const revision = await mesh.apply(routeTo(target))
      expect(await live(revision)).toMatchObject({ nacks: [], pending: [] })
      // Not eventually: at once, whichever thread it is that is asked.
      expect(new Set(await answerers()), `round ${round}`).toEqual(new Set([target]))
    }
    expect((await fleet()).filter(({ workload }) => workload === WEB)).toHaveLength(1)
  })

  it('asks once for what several workers want, holds what one of them uses, and lets go of what none does', async () => {
    await live(await mesh.apply(routeTo('reviews')))
    await answerers()
    expect(await mesh.subscriptionsOf(WEB)).toEqual(['bookshop/reviews'])
    // One connection is one thread's: the other has no use for it.
    for (let n = 0; n < 25; n++) {
      await sendMany(web.outbound, GET, 1, 1)
      await new Promise(resolve => setTimeout(resolve, 100))
      expect(await held()).toContain('bookshop/reviews')
    }
    await expect.poll(held, { timeout: 5_000 }).toEqual([])
    await expect.poll(() => mesh.subscriptionsOf(WEB)).toEqual([])
    expect(await web.page('/endpoints')).toEqual([])
    expect(new Set(await answerers())).toEqual(new Set(['reviews']))
  })

  it('goes on while the control plane is away, and takes what it missed in all workers', async () => {
    await mesh.stop()
    const before = new Set(await answerers())
    expect(before.size).toBe(1)
    await mesh.start()
    const revision = await mesh.apply(routeTo(before.has('ratings') ? 'reviews' : 'ratings'))
    await expect.poll(async () => (await fleet()).find(({ workload }) => workload === WEB)?.connected).toBe(true)
    await live(revision)
    await expect.poll(async () => new Set(await answerers()).isDisjointFrom(before)).toBe(true)
  })

  it('reports what all workers have counted, exactly, and the last of it as it ends', async () => {
    const desk = await mesh.sidecar('desk', { flags: WORKERS })
    await until(async () => (await ask(desk.outbound, 'http://reviews/')).status === 200)
    const { statuses } = await sendMany(desk.outbound, GET, 400, 16)
    expect(statuses).toEqual(new Map([[200, 400]]))
    // A page of metrics that was dear to make is shown again for a while.
    await expect.poll(async () => countedIn(await desk.metrics()), { timeout: 15_000 }).toBeGreaterThan(400)
    const counted = countedIn(await desk.metrics())
    await expect.poll(() => requestsFrom('bookshop/desk'), { timeout: 5_000 }).toBe(counted)
    await sendMany(desk.outbound, GET, 100, 16)
    await desk.close()
    await expect.poll(() => requestsFrom('bookshop/desk')).toBe(counted + 100)
  })
})

function countedIn(metrics: string): number {
  const lines = metrics.split('\n').filter(line => line.startsWith('selvedge_requests_total{direction="outbound"'))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** As the control plane counts them. */
async function requestsFrom(caller: string): Promise<number> {
  const { edges } = (await mesh.ask('graph?windowMs=0')) as { edges: Edge[] }
  return edges.filter(({ source }) => source === caller).reduce((sum, { requests }) => sum + requests, 0)
}

interface Edge {
  readonly source: string
  readonly requests: number
}

async function fleet(): Promise<readonly { readonly workload: string; readonly connected: boolean }[]> {
  return ((await mesh.ask('fleet')) as { sidecars: { workload: string; connected: boolean }[] }).sidecars
}

/** Settles when every sidecar that the revision concerns has acknowledged it. */
function live(revision: number) {
  return mesh.ask(`fleet/wait?revision=${revision}&timeoutMs=5000`)
}
