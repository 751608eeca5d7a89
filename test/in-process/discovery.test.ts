import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serviceKey, workloadKey } from '../../common/mod.ts'
import { compileEndpoints, compileSelf, compileService } from '../../model/compile/mod.ts'
import type { TelemetryReport } from '../../model/telemetry/mod.ts'
import type { Identity } from '../../sidecar/identity/mod.ts'
import { telemetryReporter } from '../../sidecar/telemetry/report/mod.ts'
import { TRUST_DOMAIN } from './control-plane.ts'
import { type Content, DiscoveryBench, routeTo, type SidecarWish, service } from './discovery.fixture.ts'

const reviews = serviceKey('bookshop', 'reviews')
const ratings = serviceKey('bookshop', 'ratings')

/** A route with each kind of match and filter, and each setting of a rule. */
const everyField = {
  ...routeTo('ratings'),
  spec: {
    parentRefs: [{ group: '', kind: 'Service', name: 'reviews' }],
    rules: [
      {
        name: 'first',
        matches: [
          {
            path: { type: 'Exact', value: '/exact' },
            method: 'GET',
            headers: [{ name: 'X-Tester', value: 'yes' }],
            queryParams: [{ name: 'q', type: 'RegularExpression', value: 'a+' }],
          },
        ],
        filters: [
          { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'a', value: '1' }], remove: ['b'] } },
          { type: 'ResponseHeaderModifier', responseHeaderModifier: { add: [{ name: 'c', value: '2' }] } },
        ],
        backendRefs: [
          { name: 'reviews', port: 80, weight: 90 },
          { name: 'ratings', port: 80, weight: 0 },
          { name: 'gone', port: 80, weight: 1 },
        ],
        timeouts: { request: '2s', backendRequest: '1s' },
        retry: { codes: [500, 503], attempts: 2, backoff: '10ms' },
      },
      {
        matches: [{ path: { type: 'PathPrefix', value: '/old' } }],
        filters: [
          {
            type: 'RequestRedirect',
            requestRedirect: {
              ...{ scheme: 'https', hostname: 'new.example', port: 8443, statusCode: 301 },
              path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' },
            },
          },
        ],
      },
      {
        matches: [{ path: { type: 'RegularExpression', value: '/r/[0-9]+' } }],
        filters: [{ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: '/full' } } }],
        backendRefs: [{ name: 'ratings', port: 80 }],
      },
    ],
  },
}

const trafficPolicy = {
  apiVersion: 'selvedge.dev/v1',
  kind: 'TrafficPolicy',
  metadata: { name: 'reviews', namespace: 'bookshop', labels: {} },
  spec: { targetRef: { kind: 'Service', name: 'reviews' }, circuitBreaker: { maxRequests: 64 } },
}

describe('discovery, over real mTLS', () => {
  let bench: DiscoveryBench
  beforeEach(async () => {
    bench = await DiscoveryBench.start()
  })
  afterEach(() => bench.close())

  const apply = (...resources: Content[]) => bench.apply(...resources)
  const sidecar = (name: string, wish?: SidecarWish) => bench.sidecar(name, wish)
  const wait = (revision: number) => bench.wait(revision)
  const fleetOf = (workload: string) => bench.fleetOf(workload)

  it('tells a sidecar who it is, and answers its first use of a service with rules and instances', async () => {
    await apply(service('reviews'), service('storefront'))
    sidecar('reviews')
    const { source, sink } = sidecar('storefront')
    await expect.poll(() => sink.updates.find(update => update.self)?.self?.services).toEqual(['bookshop/storefront'])
    expect(sink.services()).toEqual([])
    source.want(reviews)
    await expect.poll(() => sink.endpoints(reviews)).toEqual(['bookshop/reviews-0'])
    expect(sink.service(reviews)?.ports[0]?.port).toBe(80)
    expect(fleetOf('bookshop/storefront-0')).toMatchObject({ connected: true, subscriptions: ['bookshop/reviews'] })
  })

  it('answers that a service does not exist, and pushes it once it does', async () => {
    const { source, sink } = sidecar('storefront')
    source.want(reviews)
    await expect.poll(() => sink.absent()).toContain(reviews)
    await apply(service('reviews'))
    await expect.poll(() => sink.services()).toEqual([reviews])
  })

  it('sends the backends of a route in the same step as the route', async () => {
    await apply(service('reviews'), service('ratings'))
    const { source, sink } = sidecar('storefront')
    source.want(reviews)
    await expect.poll(() => sink.services()).toEqual([reviews])
    await apply(routeTo('ratings'))
    await expect.poll(() => sink.service(reviews)?.routing.kind).toBe('routes')
    expect(sink.updates.at(-1)?.services.map(one => one.key)).toEqual([ratings, reviews])
    // A backend is kept up to date without a subscription of its own.
    await apply(service('ratings', 81))
    await expect.poll(() => sink.service(ratings)?.ports[0]?.port).toBe(81)
  })

  it('hands on every field of rules and instances as they were compiled', async () => {
    await apply(service('reviews'), service('ratings'), everyField, trafficPolicy)
    sidecar('reviews')
    const { source, sink } = sidecar('storefront')
    source.want(reviews)
    await expect.poll(() => sink.endpoints(reviews)).toEqual(['bookshop/reviews-0'])
    const { world } = bench.controlPlane.world.state()
    const compiled = compileService(world, 'bookshop', reviews)
    expect(compiled?.routing).toMatchObject({ kind: 'routes', entries: [{}, {}, {}], rules: [{}, {}, {}] })
    expect(sink.service(reviews)).toStrictEqual(compiled)
    const received = sink.updates.flatMap(update => update.endpoints).findLast(one => one.service === reviews)
    expect(received).toStrictEqual(compileEndpoints(world, reviews, TRUST_DOMAIN))
    const self = () => sink.updates.findLast(update => update.self !== undefined)?.self
    await expect.poll(self).toStrictEqual(compileSelf(world, workloadKey('bookshop', 'storefront-0'), TRUST_DOMAIN))
  })

  it('waits for the sidecars that a change concerns, and for no others', async () => {
    await apply(service('reviews'))
    const { source, sink } = sidecar('storefront')
    const payments = sidecar('payments')
    source.want(reviews)
    await expect.poll(() => sink.services()).toEqual([reviews])
    for (const each of [sink, payments.sink]) {
      await expect.poll(() => each.updates.some(update => update.self !== undefined)).toBe(true)
    }
    const answer = await wait(await apply(service('reviews', 81)))
    expect(answer).toMatchObject({ live: 1, of: 1, pending: [], nacks: [] })
    expect(sink.service(reviews)?.ports[0]?.port).toBe(81)
    expect(await wait(await apply(service('unused')))).toMatchObject({ live: 0, of: 0 })
  })

  it('[DISC-1] keeps the old rules where new ones are refused, and says so to whoever waits or looks', async () => {
    await apply(service('reviews'))
    const { source, sink } = sidecar('storefront')
    source.want(reviews)
    await expect.poll(() => sink.services()).toEqual([reviews])
    const problem = { resource: `service/${reviews}`, field: 'ports[0].port', message: 'not this one' }
    sink.refuses = update => (update.services.length > 0 ? problem : undefined)
    const revision = await apply(service('reviews', 81))
    const nack = { workload: 'bookshop/storefront-0', problems: [problem] }
    expect(await wait(revision)).toMatchObject({ live: 0, of: 1, pending: [], nacks: [nack] })
    expect(fleetOf('bookshop/storefront-0')?.lastNack).toMatchObject({ revision, problems: [problem] })
    expect(sink.service(reviews)?.ports[0]?.port).toBe(80)
    // Where the instances are still arrives; what was refused is not pushed again until it changes.
    sidecar('reviews')
    await expect.poll(() => sink.endpoints(reviews)).toEqual(['bookshop/reviews-0'])
    expect(source.status().updatesRefused).toBe(1)
    sink.refuses = undefined
    expect(await wait(await apply(service('reviews', 82)))).toMatchObject({ live: 1, of: 1, nacks: [] })
    expect(sink.service(reviews)?.ports[0]?.port).toBe(82)
  })

  it('[DISC-6] comes back within two seconds of a restart, and receives only what changed meanwhile', async () => {
    await apply(service('reviews'), service('ratings'))
    sidecar('reviews')
    const { source, sink } = sidecar('storefront')
    source.want(reviews)
    source.want(ratings)
    await expect.poll(() => sink.endpoints(reviews)).toEqual(['bookshop/reviews-0'])
    await expect.poll(() => sink.services().length).toBe(2)
    await expect.poll(() => sink.updates.some(update => update.self !== undefined)).toBe(true)
    await expect.poll(() => fleetOf('bookshop/storefront-0')?.pendingRevision).toBe(null)
    const seen = sink.updates.length
    await bench.restart()
    const restarted = performance.now()
    await expect.poll(() => source.connected(), { interval: 20, timeout: 3_000 }).toBe(true)
    expect(performance.now() - restarted).toBeLessThan(2_000)
    await expect.poll(() => sink.updates.length).toBeGreaterThan(seen)
    await apply(service('ratings', 81))
    await expect.poll(() => sink.service(ratings)?.ports[0]?.port).toBe(81)
    const resent = sink.updates.slice(seen)
    expect(resent.flatMap(update => update.services.map(one => one.key))).toEqual([ratings])
    expect(resent.flatMap(update => update.endpoints)).toEqual([])
    expect(resent.filter(update => update.self !== undefined)).toEqual([])
  })

  it('[DISC-3] closes the stream of a sidecar that claims the workload of another identity', async () => {
    const { source } = sidecar('payments', { as: 'storefront' })
    await expect.poll(() => source.status().lastEnd).toMatch(/PERMISSION_DENIED.*the certificate is of spiffe/)
    expect(fleetOf('bookshop/payments-0')).toBeUndefined()
  })

  it('lets a newer stream of a workload take the place of the older, and its lease', async () => {
    await apply(service('reviews'))
    const { source, sink } = sidecar('storefront')
    const older = sidecar('reviews')
    source.want(reviews)
    await expect.poll(() => sink.endpoints(reviews)).toEqual(['bookshop/reviews-0'])
    const seen = sink.updates.length
    const newer = sidecar('reviews')
    await expect.poll(() => older.source.status().lastEnd).toMatch(/ABORTED.*newer stream/)
    await older.source.close()
    await expect.poll(() => newer.source.status().state).toBe('open')
    expect(fleetOf('bookshop/reviews-0')).toMatchObject({ connected: true })
    expect(sink.updates.slice(seen).flatMap(update => update.endpoints)).toEqual([])
  })

  it('withdraws the instance of a workload that is not ready', async () => {
    await apply(service('reviews'))
    const { source, sink } = sidecar('storefront')
    const callee = sidecar('reviews')
    source.want(reviews)
    await expect.poll(() => sink.endpoints(reviews)).toEqual(['bookshop/reviews-0'])
    callee.source.setReady(false)
    await expect.poll(() => sink.endpoints(reviews)).toEqual([])
  })

  it('moves to a new stream when the certificate is renewed, and misses nothing', async () => {
    await apply(service('reviews'))
    const local = bench.identityOf('storefront')
    const listeners = new Set<() => void>()
    const identity: Identity = {
      ...local,
      onChange(listener) {
        const tell = () => listener(local.current())
        listeners.add(tell)
        return () => listeners.delete(tell)
      },
    }
    const { source, sink } = sidecar('storefront', { identity })
    source.want(reviews)
    await expect.poll(() => sink.services()).toEqual([reviews])
    for (const listener of listeners) listener()
    expect(source.status().state).toBe('renewing')
    expect(source.connected()).toBe(true)
    await expect.poll(() => source.status().state).toBe('open')
    expect(await wait(await apply(service('reviews', 81)))).toMatchObject({ live: 1, of: 1 })
    expect(sink.service(reviews)?.ports[0]?.port).toBe(81)
    expect(source.status().lastEnd).toBeUndefined()
  })

  it('carries telemetry into graph and traces, and loses no count to a restart', async () => {
    let requests = 7
    const identity = bench.identityOf('storefront')
    const reporter = telemetryReporter({
      ...{ discoveryAddress: bench.controlPlane.address, identity, random: () => 0, intervalMs: 50, log: () => {} },
      take() {
        const counted = requests
        requests = 0
        return counted === 0 ? undefined : reportOf(counted)
      },
    })
    bench.closes(() => reporter.close())
    const edges = () => bench.controlPlane.telemetry.graph(0).edges
    await expect.poll(edges).toMatchObject([{ source: 'bookshop/storefront', destination: reviews, requests: 7 }])
    expect(bench.controlPlane.telemetry.traces({ slow: true, limit: 10 }).traces).toMatchObject([{ durationUs: 1500 }])
    await bench.restart(() => {
      requests = 5
    })
    await expect.poll(edges, { timeout: 5_000 }).toMatchObject([{ requests: 5, successRate: 0.8, mtlsRate: 1 }])
    requests = 2
    await reporter.close()
    await expect.poll(edges).toMatchObject([{ requests: 7 }])
  })
})

function reportOf(requests: number): TelemetryReport {
  return {
    workload: workloadKey('bookshop', 'storefront-0'),
    edges: [
      {
        ...{ source: 'bookshop/storefront', destination: reviews, route: '', requests, mtlsRequests: requests },
        ...{ plaintextRequests: 0, successes: requests - 1, retries: 0, causes: [{ cause: 'circuit-open', count: 1 }] },
        latency: [{ cell: 40, count: requests }],
      },
    ],
    spans: [
      {
        ...{ traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), parentSpanId: '', kind: 'client', route: '' },
        ...{ source: 'bookshop/storefront', destination: reviews, method: 'GET', path: '/', status: 200 },
        ...{ cause: undefined, endpoint: '127.0.0.1:15006', startUs: 1_700_000_000_000_000, durationUs: 1_500 },
      },
    ],
  }
}
