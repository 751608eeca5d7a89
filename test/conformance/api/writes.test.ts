import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Json, MESH, Plane, ROUTES, route, SERVICES, service } from './plane.ts'

const MERGE = { 'content-type': 'application/merge-patch+json' }
const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' }
const REVIEWS = `${SERVICES}/reviews`

describe('a write', () => {
  let plane: Plane
  beforeEach(async () => {
    plane = new Plane()
    await plane.start()
  })
  afterEach(() => plane.close())
  const patch = (path: string, body: object, type: Record<string, string> = MERGE) =>
    plane.call('PATCH', path, body, type)
  const live = async () => (await plane.call('GET', REVIEWS)).json

  describe('[API-7] of two writers at once', () => {
    it.each([
      ['PUT', (body: object) => plane.call('PUT', REVIEWS, body)],
      ['PATCH', (body: object) => patch(REVIEWS, body)],
      ['apply', (body: object) => plane.call('POST', `${MESH}/apply`, { resources: [service('other'), body] })],
    ])('by %s, the second is told the current version: 409, and nothing of its is written', async (_, write) => {
      await plane.apply(service('reviews'))
      const read = await live()
      const mine = { ...read, metadata: { ...read.metadata, labels: { by: 'me' } } }
      const theirs = { ...read, metadata: { ...read.metadata, labels: { by: 'them' } } }
      expect((await write(theirs)).code).toBe(200)
      const current = (await live()).metadata.resourceVersion
      const refused = await write(mine)
      expect(refused).toMatchObject({
        code: 409,
        json: { reason: 'Conflict', details: { currentResourceVersion: current } },
      })
      expect(refused.json.message).toContain(`its version is ${current} now`)
      expect((await live()).metadata.labels).toEqual({ by: 'them' })
    })

    it('of fifty writes that name the version that they have read, one is done', async () => {
      await plane.apply(service('reviews'))
      const read = await live()
      const codes = await Promise.all(
        Array.from({ length: 50 }, async (_, n) => {
          const body = { ...read, metadata: { ...read.metadata, labels: { by: `n${n}` } } }
          return (await plane.call('PUT', REVIEWS, body)).code
        }),
      )
      expect(codes.filter(code => code === 200)).toHaveLength(1)
      expect(codes.filter(code => code === 409)).toHaveLength(49)
    })

    it('a deletion holds to its preconditions', async () => {
      await plane.apply(service('reviews'))
      const { uid, resourceVersion } = (await live()).metadata
      await plane.apply(service('reviews', { a: 'b' }))
      const remove = (preconditions: object) =>
        plane.call('DELETE', REVIEWS, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions })
      expect((await remove({ resourceVersion })).code).toBe(409)
      expect((await remove({ uid: 'another' })).code).toBe(409)
      expect((await remove({ uid, resourceVersion: (await live()).metadata.resourceVersion })).code).toBe(200)
    })

    it.each<[string, object]>([
      ['a dry run that is no list', { dryRun: 'All' }],
      ['a dry run of another word', { dryRun: ['all'] }],
      ['a dry run that is true', { dryRun: true }],
      ['a field that nobody knows', { dryrun: ['All'] }],
      ['preconditions that are no object', { preconditions: '7' }],
      ['a precondition that nobody knows', { preconditions: { resourceversion: '7' } }],
      ['a precondition of another type', { preconditions: { uid: 7 } }],
    ])('a deletion with %s deletes nothing', async (_, options) => {
      await plane.apply(service('reviews'))
      expect(await plane.call('DELETE', REVIEWS, options)).toMatchObject({ code: 400, json: { reason: 'BadRequest' } })
      expect((await plane.call('GET', REVIEWS)).code).toBe(200)
    })

    it('a deletion of many that says more than is known deletes nothing', async () => {
      await plane.apply(service('reviews'))
      const reviews = { kind: 'Service', namespace: 'bookshop', name: 'reviews' }
      const all = (body: object) => plane.call('POST', `${MESH}/delete`, body)
      expect(await all({ resources: [reviews], dryRun: true })).toMatchObject({ code: 400 })
      expect(await all({ resources: [{ ...reviews, resourceVersion: '1' }] })).toMatchObject({
        code: 422,
        json: { details: { causes: [{ field: 'resourceVersion' }] } },
      })
      expect((await plane.call('GET', REVIEWS)).code).toBe(200)
      expect((await all({ resources: [reviews] })).code).toBe(200)
    })

    it('a parameter that is given twice is refused: one of both would be ignored', async () => {
      const refused = await plane.call('POST', `${SERVICES}?dryRun=All&dryRun=All`, service('reviews'))
      expect(refused).toMatchObject({ code: 400, json: { message: expect.stringMatching(/dryRun more than once/) } })
    })

    it('patches that name no version are all done, one after the other', async () => {
      await plane.apply(service('reviews'))
      const patches = Array.from({ length: 5 }, (_, n) => patch(REVIEWS, { metadata: { labels: { [`n${n}`]: 'x' } } }))
      expect((await Promise.all(patches)).map(({ code }) => code)).toEqual(Array(5).fill(200))
      expect(Object.keys((await live()).metadata.labels ?? {})).toHaveLength(5)
    })
  })

  describe('as a patch', () => {
    it('merges objects, removes what is null, and replaces lists (RFC 7386)', async () => {
      await plane.apply(service('reviews', { keep: 'yes', drop: 'yes' }))
      const body = { metadata: { labels: { drop: null, add: 'yes' } }, spec: { ports: [{ port: 8080 }] } }
      const { code, json } = await patch(REVIEWS, body)
      expect(code).toBe(200)
      expect(json).toMatchObject({
        metadata: { labels: { keep: 'yes', add: 'yes' } },
        spec: { ports: [{ port: 8080 }] },
      })
      expect(json.metadata.labels).not.toHaveProperty('drop')
    })

    it('of a Service takes what kubectl sends: items by their port, deletions, an order', async () => {
      await plane.apply(service('reviews'))
      const ports = async (spec: object) => {
        const { code, json } = await patch(REVIEWS, { spec }, STRATEGIC)
        expect(code, json.message).toBe(200)
        return (json.spec as { ports: { port: number; name: string }[] }).ports.map(
          ({ port, name }) => `${name}:${port}`,
        )
      }
      const added = {
        ports: [
          { port: 80, name: 'http' },
          { port: 81, name: 'admin' },
        ],
      }
      expect(await ports(added)).toEqual(['http:80', 'admin:81'])
      const order = { '$setElementOrder/ports': [{ port: 81 }, { port: 80 }], ports: [{ port: 80, name: 'web' }] }
      expect(await ports(order)).toEqual(['admin:81', 'web:80'])
      const gone = { '$setElementOrder/ports': [{ port: 80 }], ports: [{ $patch: 'delete', port: 81 }] }
      expect(await ports(gone)).toEqual(['web:80'])
      expect(await ports({ ports: [{ $patch: 'replace' }, { port: 9, name: 'x' }] })).toEqual(['x:9'])
      expect((await patch(REVIEWS, { spec: { ports: [{ name: 'keyless' }] } }, STRATEGIC)).code).toBe(400)
      expect((await patch(`${ROUTES}/canary`, {}, STRATEGIC)).code).toBe(415)
    })

    it('must leave a resource that can be, of the same name', async () => {
      await plane.apply(service('reviews'))
      const wrong = await patch(REVIEWS, { spec: { prots: [], ports: [{ port: 0 }] } })
      expect(wrong).toMatchObject({ code: 422, json: { details: { causes: [{}, {}] } } })
      expect((await patch(REVIEWS, { metadata: { name: 'other' } })).code).toBe(422)
      expect((await patch(REVIEWS, { kind: 'HTTPRoute' })).code).toBe(422)
      expect((await patch(`${SERVICES}/ghost`, {})).code).toBe(404)
      expect((await plane.call('PATCH', REVIEWS, [], MERGE)).code).toBe(400)
      expect((await plane.call('PATCH', REVIEWS, { a: 1 })).code).toBe(415)
    })
  })

  it('with dryRun=All is checked and answered like any other, and leaves nothing, whatever it is', async () => {
    const revision = await plane.apply(service('reviews'), service('catalog'))
    const before = (await plane.call('GET', '/api/v1/services')).json
    const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'bookshop', name: 'reviews' }
    const tries = [
      await plane.call('POST', `${SERVICES}?dryRun=All`, service('new')),
      await plane.call('PUT', `${REVIEWS}?dryRun=All`, service('reviews', { a: 'b' })),
      await patch(`${REVIEWS}?dryRun=All`, { metadata: { labels: { a: 'b' } } }),
      await plane.call('DELETE', `${REVIEWS}?dryRun=All`),
      await plane.call('DELETE', REVIEWS, { kind: 'DeleteOptions', apiVersion: 'v1', dryRun: ['All'] }),
      await plane.call('POST', `${MESH}/apply?dryRun=All`, { resources: [service('new')] }),
      await plane.call('POST', `${MESH}/delete?dryRun=All`, { resources: [ref] }),
      await plane.call('POST', `${MESH}/rollback?dryRun=All`, { revision }),
    ]
    expect(tries.map(({ code }) => code)).toEqual([201, 200, 200, 200, 200, 200, 200, 200])
    const refused = await plane.call('PUT', `${REVIEWS}?dryRun=All`, service('reviews', {}, { resourceVersion: '999' }))
    expect(refused.code).toBe(409)
    expect((await plane.call('GET', '/api/v1/services')).json).toEqual(before)
    expect((await plane.call('GET', `${MESH}/audit`)).json.items).toHaveLength(await auditLength())
    async function auditLength(): Promise<number> {
      const { json } = await plane.call('GET', `${MESH}/audit?revision=${revision}`)
      const rest = (await plane.call('GET', `${MESH}/audit?revision=0`)).json.items as Json[]
      return (json.items as Json[]).length + rest.length
    }
  })

  it('that is wrong in many places is told of all of them at once: 422', async () => {
    const resources = [
      { ...service('a'), spec: { ports: [{ port: 0 }, { port: 70_000, name: 'X' }], selctor: {} } },
      { ...service('B'), kind: 'Servce' },
      { ...service('c'), apiVersion: 'v2' },
      route('reviews', [{ path: { type: 'RegularExpression', value: '(' } }, { method: 'FETCH' }]),
    ]
    const { code, json } = await plane.call('POST', `${MESH}/apply`, { resources })
    expect(code).toBe(422)
    const { causes } = json.details as { causes: { resource: string; field: string }[] }
    expect(causes.map(({ resource, field }) => `${resource} ${field}`)).toEqual(
      expect.arrayContaining([
        'Service bookshop/a spec.ports[0].port',
        'Service bookshop/a spec.ports[1].port',
        'Service bookshop/a spec.ports[1].name',
        'Service bookshop/a spec.selctor',
        'Servce bookshop/B kind',
        'Service bookshop/c apiVersion',
        'HTTPRoute bookshop/canary spec.rules[0].matches[0].path.value',
        'HTTPRoute bookshop/canary spec.rules[0].matches[1].method',
      ]),
    )
  })

  describe('is undone by a rollback', () => {
    const rollback = (body: object) => plane.call('POST', `${MESH}/rollback`, body)

    it('as one step: what it made goes, what it changed and deleted comes back', async () => {
      await plane.apply(service('old', { v: '1' }), service('gone'))
      await plane.apply(service('old', { v: '2' }), service('new'))
      const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'bookshop', name: 'gone' }
      const deleted = Number((await plane.call('POST', `${MESH}/delete`, { resources: [ref] })).json.revision)
      const back = await rollback({ revision: deleted })
      expect(back).toMatchObject({
        code: 200,
        json: { results: [{ resource: 'Service bookshop/gone', action: 'created' }] },
      })
      const undone = await rollback({ revision: deleted - 1 })
      expect(undone.json.results).toEqual([
        { resource: 'Service bookshop/old', action: 'configured' },
        { resource: 'Service bookshop/new', action: 'deleted' },
      ])
      expect((await plane.call('GET', `${SERVICES}/old`)).json.metadata.labels).toEqual({ v: '1' })
      expect((await plane.call('GET', `${SERVICES}/new`)).code).toBe(404)
    })

    it('one revision after the other, the newest first, back to the beginning', async () => {
      const revisions: number[] = []
      for (const v of ['1', '2', '3']) revisions.push(await plane.apply(service('a', { v }), service(`only-${v}`)))
      const ref = { kind: 'Service', namespace: 'bookshop', name: 'a' }
      revisions.push(Number((await plane.call('POST', `${MESH}/delete`, { resources: [ref] })).json.revision))
      for (const [revision, labels] of [
        [revisions[3], { v: '3' }],
        [revisions[2], { v: '2' }],
        [revisions[1], { v: '1' }],
        [revisions[0], undefined],
      ] as const) {
        expect((await rollback({ revision })).code, String(revision)).toBe(200)
        expect((await plane.call('GET', `${SERVICES}/a`)).json.metadata.labels).toEqual(labels)
      }
      expect((await plane.call('GET', SERVICES)).json.items).toEqual([])
    })

    it('but not over what came after it, unless by force; or of one resource alone', async () => {
      const first = await plane.apply(service('a', { v: '1' }), service('b', { v: '1' }))
      const second = await plane.apply(service('a', { v: '2' }), service('b', { v: '2' }))
      const third = await plane.apply(service('a', { v: '3' }))
      const refused = await rollback({ revision: second })
      expect(refused).toMatchObject({ code: 409, json: { details: { currentResourceVersion: String(third) } } })
      expect(refused.json.message).toContain(`Service bookshop/a was changed since, by revision ${third}`)
      expect((await rollback({ revision: second, resource: 'Service bookshop/b' })).code).toBe(200)
      expect((await rollback({ revision: second, force: true })).code).toBe(200)
      expect((await plane.call('GET', `${SERVICES}/a`)).json.metadata.labels).toEqual({ v: '1' })
      expect((await rollback({ revision: first + 1_000 })).code).toBe(404)
      for (const wrong of [{}, { revision: 0 }, { revision: 1, force: 'yes' }, { revision: 1, more: 1 }]) {
        expect((await rollback(wrong)).code).toBe(400)
      }
    })
  })
})
