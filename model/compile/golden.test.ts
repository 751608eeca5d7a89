import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { Resource } from '../resources/mod.ts'
import { compileEndpoints, compileSelf, compileService, type World, withBackends, worldOf } from './mod.ts'
import { aPolicy, aRoute, aService, aWorkload, service, TRUST_DOMAIN, workload, worldFrom } from './world.fixture.ts'

const golden = (name: string) => fileURLToPath(new URL(`../../test/golden/compile/${name}`, import.meta.url))

/** A bookshop with a canary: weights, a header match, a timeout, retries, a missing backend and policies. */
const BOOKSHOP: World = worldFrom(
  aService(
    'bookshop/reviews',
    'ports: [{name: http, port: 80, targetPort: web, appProtocol: http}], selector: {app: reviews}',
  ),
  aService('bookshop/reviews-v1', 'ports: [{port: 80}], selector: {app: reviews, version: v1}'),
  aService('bookshop/reviews-v2', 'ports: [{port: 80}], selector: {app: reviews, version: v2}'),
  aWorkload(
    'bookshop/reviews-v1-1',
    'app: reviews, version: v1',
    'ports: [{name: web, port: 8080, protocol: http}], inboundPort: 15006, serviceAccount: reviews',
  ),
  aWorkload(
    'bookshop/reviews-v2-1',
    'app: reviews, version: v2',
    'ports: [{name: web, port: 8081, protocol: http}], inboundPort: 15007, serviceAccount: reviews, zone: b',
  ),
  aWorkload('bookshop/old-reviews', 'app: reviews, version: v0', 'ports: [{name: web, port: 8082}]'),
  aWorkload('bookshop/storefront-1', 'app: storefront', 'inboundPort: 15008, serviceAccount: storefront'),
  aRoute(
    'bookshop/canary',
    `
    {name: testers, matches: [{headers: [{name: X-Tester, value: "yes"}], method: GET}], backendRefs: [{name: reviews-v2, port: 80}]},
    {matches: [{path: {type: PathPrefix, value: /reviews/}}, {path: {type: RegularExpression, value: "/r/[0-9]+"}}],
     timeouts: {request: 2s, backendRequest: 1s}, retry: {codes: [503], attempts: 2, backoff: 10ms},
     filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-canary, value: "1"}]}}],
     backendRefs: [{name: reviews-v1, port: 80, weight: 90}, {name: reviews-v2, port: 80, weight: 10}, {name: gone, port: 80, weight: 1}]}`,
  ),
  aPolicy(
    'TrafficPolicy',
    'bookshop/reviews',
    'targetRef: {kind: Service, name: reviews}, circuitBreaker: {maxRequests: 64}',
  ),
  aPolicy('MeshPolicy', 'selvedge-system/default', 'accessLog: true'),
)

function everything(world: World): string {
  const wanted = withBackends(world, 'bookshop', [service('bookshop/reviews')])
  const snapshots = {
    self: compileSelf(world, workload('bookshop/storefront-1'), TRUST_DOMAIN),
    services: wanted.map(key => compileService(world, 'bookshop', key)),
    endpoints: wanted.map(key => compileEndpoints(world, key, TRUST_DOMAIN)),
  }
  return stringify(snapshots, { lineWidth: 0 })
}

test('the bookshop as its storefront sees it', async () => {
  await expect(everything(BOOKSHOP)).toMatchFileSnapshot(golden('bookshop.yaml'))
})

test('the order in which resources come makes no difference', () => {
  const resources: Resource[] = [
    BOOKSHOP.services,
    BOOKSHOP.workloads,
    BOOKSHOP.httpRoutes,
    BOOKSHOP.trafficPolicies,
    BOOKSHOP.meshPolicies,
  ].flatMap((map: ReadonlyMap<string, Resource>) => [...map.values()])
  expect(everything(worldOf(resources.toReversed()))).toBe(everything(BOOKSHOP))
})
