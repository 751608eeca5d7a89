import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { err, ok, serviceKey, systemClock, systemRandom, workloadKey } from '../../common/mod.ts'
import { compileEndpoints, compileSelf, compileService } from '../../model/compile/mod.ts'
import type { SnapshotProblem, SnapshotUpdate } from '../../model/snapshot/mod.ts'
import type { TelemetryReport } from '../../model/telemetry/mod.ts'
import { type Registration, type StreamSource, streamSource } from '../../sidecar/discovery/mod.ts'
import { type Identity, localIdentity } from '../../sidecar/identity/mod.ts'
import { telemetryReporter } from '../../sidecar/telemetry/report/mod.ts'
import { type ControlPlaneUnderTest, must, startControlPlane, TRUST_DOMAIN, temporaryDir } from './control-plane.ts'

const reviews = serviceKey('bookshop', 'reviews')
const ratings = serviceKey('bookshop', 'ratings')

/** A sink that keeps what it is given, and refuses what it is told to. */
class Sink {
  readonly updates: SnapshotUpdate[] = []
  refuses: ((update: SnapshotUpdate) => SnapshotProblem | undefined) | undefined

  apply(update: SnapshotUpdate) {
    const problem = this.refuses?.(update)
    if (problem !== undefined) return err([problem])
    this.updates.push(update)
    return ok(undefined)
  }
  services(): string[] {
    return this.updates.flatMap(update => update.services.map(service => service.key))
  }
  absent(): string[] {
    return this.updates.flatMap(update => update.absent)
  }
  /** The newest rules of a service. */
  service(key: string) {
    return this.updates.flatMap(update => update.services.filter(service => service.key === key)).at(-1)
  }
  endpoints(key: string): string[] {
    const last = this.updates.flatMap(update => update.endpoints.filter(one => one.service === key)).at(-1)
    return last?.endpoints.map(endpoint => endpoint.workload) ?? []
  }
}

/** A resource as it is stored. */
interface Content extends Readonly<Record<string, unknown>> {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string }
}

function service(name: string, port = 80) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'bookshop', labels: {} },
    spec: { selector: { app: name }, ports: [{ name: 'http', port, targetPort: 8080, appProtocol: 'http' }] },
  }
}

function routeTo(backend: string) {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'canary', namespace: 'bookshop', labels: {} },
    spec: {
      parentRefs: [{ group: '', kind: 'Service', name: 'reviews' }],
      rules: [{ backendRefs: [{ name: backend, port: 80 }] }],
    },
  }
}

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
  let dir: ReturnType<typeof temporaryDir>
  let controlPlane: ControlPlaneUnderTest
  const closing: (() => Promise<void> | void)[] = []

  beforeEach(async () => {
    dir = temporaryDir()
    controlPlane = await startControlPlane(dir.path)
  })
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
    await controlPlane.close()
    dir.remove()
  })

  async function apply(...resources: Content[]): Promise<number> {
    const changes = resources.map(content => ({
      kind: 'put' as const,
      ref: { kind: content.kind, namespace: content.metadata.namespace, name: content.metadata.name },
      content,
      expectedResourceVersion: undefined,
    }))
    return must(await controlPlane.store.commit(changes, 'test')).revision
  }

  function identityOf(serviceAccount: string): Identity {
    const { caDir } = controlPlane
    const identity = must(localIdentity({ caDir, namespace: 'bookshop', serviceAccount, clock: systemClock }))
    closing.push(() => identity.close())
    return identity
  }

  function sidecar(
    name: string,
    { as = name, port = 15_006, identity = identityOf(as) }: { as?: string; port?: number; identity?: Identity } = {},
  ): { source: StreamSource; sink: Sink } {
    const registration: Registration = {
      ...{
        address: '127.0.0.1',
        inboundPort: port,
        labels: { app: name },
        serviceAccount: name,
        zone: '',
        ready: true,
      },
      ports: [{ name: 'http', port: 8080, protocol: 'http' }],
    }
    const sink = new Sink()
    const source = streamSource({
      ...{ discoveryAddress: controlPlane.address, identity, registration, programVersion: 'test' },
      ...{ workload: workloadKey('bookshop', `${name}-0`), clock: systemClock, random: systemRandom, log: () => {} },
    })
    closing.push(() => source.close())
    source.start(sink)
    return { source, sink }
  }

  const wait = (revision: number) => controlPlane.fleet.wait(revision, 5_000, new AbortController().signal)
  const fleetOf = (workload: string) => controlPlane.fleet.fleet().sidecars.find(one => one.workload === workload)

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
    const { world } = controlPlane.world.state()
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
    const { port } = controlPlane
    await controlPlane.close()
    await expect.poll(() => source.connected()).toBe(false)
    const seen = sink.updates.length
    controlPlane = await startControlPlane(dir.path, port)
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
    const local = identityOf('storefront')
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
    const identity = identityOf('storefront')
    const reporter = telemetryReporter({
      ...{ discoveryAddress: controlPlane.address, identity, random: () => 0, intervalMs: 50, log: () => {} },
      take() {
        const counted = requests
        requests = 0
        return counted === 0 ? undefined : reportOf(counted)
      },
    })
    closing.push(() => reporter.close())
    const edges = () => controlPlane.telemetry.graph(0).edges
    await expect.poll(edges).toMatchObject([{ source: 'bookshop/storefront', destination: reviews, requests: 7 }])
    expect(controlPlane.telemetry.traces({ slow: true, limit: 10 }).traces).toMatchObject([{ durationUs: 1500 }])
    await controlPlane.close()
    await expect.poll(() => reporter.connected()).toBe(false)
    requests = 5
    controlPlane = await startControlPlane(dir.path, controlPlane.port)
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
