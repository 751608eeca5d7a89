import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { namesOf, Plane, SERVICES, service } from './plane.ts'

const WORKLOADS = '/apis/selvedge.dev/v1/namespaces/bookshop/workloads'

const workload = (name: string): object => ({
  apiVersion: 'selvedge.dev/v1',
  kind: 'Workload',
  metadata: { name, namespace: 'bookshop' },
  spec: { address: '10.0.0.7' },
})

describe('a list', () => {
  let plane: Plane
  beforeEach(async () => {
    plane = new Plane()
    await plane.start()
  })
  afterEach(() => plane.close())
  const list = (query: string, path = SERVICES) => plane.call('GET', `${path}?${query}`)

  it('is narrowed by labels and by name', async () => {
    await plane.apply(service('a', { tier: 'front' }), service('b', { tier: 'back' }), service('c'))
    const names = async (query: string) => namesOf(await list(query))
    expect(await names('labelSelector=tier%3Dfront')).toEqual(['a'])
    expect(await names('labelSelector=tier%20in%20(front,back)')).toEqual(['a', 'b'])
    expect(await names('labelSelector=!tier')).toEqual(['c'])
    expect(await names('labelSelector=tier!%3Dfront')).toEqual(['b', 'c'])
    expect(await names('fieldSelector=metadata.name%3Db')).toEqual(['b'])
    expect(await names('fieldSelector=metadata.namespace%3Dother')).toEqual([])
    for (const wrong of ['labelSelector=a%20b', 'fieldSelector=spec.x%3D1', 'limit=-1', 'limit=x']) {
      expect((await list(wrong)).code, wrong).toBe(400)
    }
  })

  describe.each([
    ['what the store keeps', SERVICES, service],
    ['Workloads, which the world knows', WORKLOADS, workload],
  ])('in pages, of %s', (_, path, make) => {
    const all = Array.from({ length: 25 }, (_, index) => `s${String(index).padStart(2, '0')}`)
    const rest = async (from: string, query = 'limit=10'): Promise<string[]> => {
      const page = await list(`${query}&continue=${from}`, path)
      expect(page.code).toBe(200)
      const next = page.json.metadata.continue
      return [...namesOf(page), ...(next === undefined ? [] : await rest(next, query))]
    }

    it('shows one revision, whatever is written meanwhile', async () => {
      const revision = await plane.apply(...all.map(name => make(name)))
      const first = await list('limit=10', path)
      expect(first.json.metadata.resourceVersion).toBe(String(revision))
      await plane.call('DELETE', `${path}/s20`)
      await plane.apply(make('s105'), make('zz'))
      expect([...namesOf(first), ...(await rest(first.json.metadata.continue ?? ''))]).toEqual(all)
      expect(namesOf(await list('', path))).toHaveLength(26)
    })

    it('is one page where it is no longer than its limit', async () => {
      await plane.apply(...all.slice(0, 10).map(name => make(name)))
      for (const query of ['limit=10', 'limit=11', 'limit=0', '']) {
        const { json } = await list(query, path)
        expect(json.metadata.continue, query).toBeUndefined()
        expect(json.items, query).toHaveLength(10)
      }
    })

    it('refuses a continue that it has not given', async () => {
      await plane.apply(make('a'), make('b'))
      for (const token of ['x', 'bm90aGluZw', '7.7']) {
        expect((await list(`limit=1&continue=${token}`, path)).code, token).toBe(400)
      }
    })
  })

  it('in pages keeps to its selector', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `s${String(index).padStart(2, '0')}`)
    await plane.apply(...names.map((name, index) => service(name, { odd: index % 2 === 1 ? 'yes' : 'no' })))
    const seen: string[] = []
    let query = 'limit=4&labelSelector=odd%3Dyes'
    for (let pages = 0; query !== ''; pages++) {
      const page = await list(query)
      seen.push(...namesOf(page))
      const next = page.json.metadata.continue
      expect(namesOf(page).length).toBe(pages < 3 ? 4 : 3)
      query = next === undefined ? '' : `limit=4&labelSelector=odd%3Dyes&continue=${next}`
    }
    expect(seen).toEqual(names.filter((_, index) => index % 2 === 1))
  })

  it('that was begun too long ago is begun again: 410', async () => {
    await plane.apply(...['a', 'b', 'c'].map(name => workload(name)))
    const { json } = await list('limit=1', WORKLOADS)
    await plane.restart()
    const gone = await list(`limit=1&continue=${json.metadata.continue}`, WORKLOADS)
    expect(gone).toMatchObject({
      code: 410,
      json: { reason: 'Expired', message: expect.stringContaining('Begin it again') },
    })
    // The store has never given this revision out.
    const future = Buffer.from(JSON.stringify([999_999_999_999_999, 'bookshop', 'a'])).toString('base64url')
    expect((await list(`limit=1&continue=${future}`)).code).toBe(410)
  })

  it('of what the store keeps goes on after a restart', async () => {
    await plane.apply(service('a'), service('b'), service('c'))
    const { json } = await list('limit=1')
    await plane.restart()
    expect(namesOf(await list(`limit=5&continue=${json.metadata.continue}`))).toEqual(['b', 'c'])
  })
})
