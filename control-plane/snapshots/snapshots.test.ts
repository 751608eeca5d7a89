import { describe, expect, it } from 'vitest'
import { serviceKey, type TrustDomain, workloadKey } from '../../common/mod.ts'
import { type World, worldOf } from '../../model/compile/mod.ts'
import { validateResource } from '../../model/resources/mod.ts'
import { ABSENT, createSnapshots, diff, type HeldVersions, type Resources, serviceResource } from './mod.ts'

const domain = 'mesh.test' as TrustDomain
const reviews = serviceKey('bookshop', 'reviews')
const ratings = serviceKey('bookshop', 'ratings')

function service(name: string, port = 80) {
  return {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'bookshop' } },
    spec: { selector: { app: name }, ports: [{ name: 'http', port, targetPort: 8080, appProtocol: 'http' }] },
  }
}

function routeTo(backend: string) {
  return {
    ...{
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'r', namespace: 'bookshop' },
    },
    spec: {
      parentRefs: [{ group: '', kind: 'Service', name: 'reviews' }],
      rules: [{ backendRefs: [{ name: backend, port: 80 }] }],
    },
  }
}

function world(...contents: object[]): World {
  return worldOf(
    contents.map(content => {
      const resource = validateResource(content)
      if (!resource.ok) throw new Error(JSON.stringify(resource.error))
      return resource.value
    }),
  )
}

function snapshotsOf(first: World) {
  const view = { state: { world: first, revision: 1 } }
  const snapshots = createSnapshots({ state: () => view.state, onChange: () => () => {} }, domain)
  const resources = (...services: (typeof reviews)[]) =>
    snapshots.resourcesFor({ workload: workloadKey('bookshop', 'w'), namespace: 'bookshop', services }).resources
  return { view, resources }
}

const versions = (resources: Resources): HeldVersions =>
  new Map([...resources].map(([name, resource]) => [name, resource.version]))

describe('what a sidecar shall know', () => {
  it('is the rules and the instances of what it wants', () => {
    const { resources } = snapshotsOf(world(service('reviews'), service('ratings')))
    expect([...resources(reviews).keys()]).toEqual(['service/bookshop/reviews', 'endpoints/bookshop/reviews'])
  })

  it('includes the backends of what it wants', () => {
    const { resources } = snapshotsOf(world(service('reviews'), service('ratings'), routeTo('ratings')))
    expect([...resources(reviews).keys()].sort()).toEqual([
      'endpoints/bookshop/ratings',
      'endpoints/bookshop/reviews',
      'service/bookshop/ratings',
      'service/bookshop/reviews',
    ])
  })

  it('says of what does not exist that it is absent', () => {
    const { resources } = snapshotsOf(world())
    expect([...resources(reviews)]).toEqual([
      ['service/bookshop/reviews', { kind: 'absent', version: ABSENT, service: reviews }],
    ])
  })

  it('is compiled once for all who want it', () => {
    const { resources } = snapshotsOf(world(service('reviews')))
    const name = serviceResource(reviews)
    expect(resources(reviews).get(name)).toBe(resources(reviews, ratings).get(name))
  })

  it('has the same versions in another world with the same content', () => {
    const { view, resources } = snapshotsOf(world(service('reviews')))
    const held = versions(resources(reviews))
    view.state = { world: world(service('reviews'), service('unused')), revision: 2 }
    expect(diff(held, resources(reviews))).toEqual({ changed: new Map(), dropped: [] })
  })
})

describe('the difference between what is held and what shall be', () => {
  const { view, resources } = snapshotsOf(world(service('reviews'), service('ratings')))
  const held = versions(resources(reviews, ratings))

  it('names only what changed', () => {
    view.state = { world: world(service('reviews', 81), service('ratings')), revision: 2 }
    const { changed } = diff(held, resources(reviews, ratings))
    expect([...changed.keys()]).toEqual(['service/bookshop/reviews'])
  })

  it('turns a Service that was deleted into an absence, and forgets its instances', () => {
    view.state = { world: world(service('ratings')), revision: 3 }
    const { changed, dropped } = diff(held, resources(reviews, ratings))
    expect([...changed.values()]).toEqual([{ kind: 'absent', version: ABSENT, service: reviews }])
    expect(dropped).toEqual(['endpoints/bookshop/reviews'])
  })

  it('drops without a word what is no longer wanted', () => {
    view.state = { world: world(service('reviews'), service('ratings')), revision: 4 }
    const { changed, dropped } = diff(held, resources(ratings))
    expect(changed.size).toBe(0)
    expect(dropped).toEqual(['service/bookshop/reviews', 'endpoints/bookshop/reviews'])
  })
})
