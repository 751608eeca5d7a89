import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Json, Plane, SERVICES, service } from './plane.ts'
import { Watcher } from './watcher.ts'

const WATCH = `${SERVICES}?watch=true`

describe('a watch', () => {
  let plane: Plane
  const watchers: Watcher[] = []
  beforeEach(async () => {
    plane = new Plane()
    await plane.start()
  })
  afterEach(async () => {
    for (const watcher of watchers.splice(0)) watcher.close()
    await plane.close()
  })
  async function watch(path: string, reads = true): Promise<Watcher> {
    const watcher = new Watcher(plane, path, reads)
    watchers.push(watcher)
    await watcher.started()
    return watcher
  }

  it('tells what is there, then each change in order, with the object as it is', async () => {
    await plane.apply(service('reviews'), service('catalog'))
    const watcher = await watch(WATCH)
    await watcher.until(() => watcher.events.length === 2)
    await plane.apply(service('reviews', { tier: 'front' }))
    await plane.call('DELETE', `${SERVICES}/catalog`)
    await watcher.until(() => watcher.events.length === 4)
    expect(watcher.told()).toEqual(['ADDED catalog', 'ADDED reviews', 'MODIFIED reviews', 'DELETED catalog'])
    const [, , modified, deleted] = watcher.events
    expect(modified?.object).toEqual((await plane.call('GET', `${SERVICES}/reviews`)).json)
    expect(Number(deleted?.object.metadata.resourceVersion)).toBe(Number(modified?.object.metadata.resourceVersion) + 1)
  })

  it('from a revision tells all that came after it, and nothing twice', async () => {
    await plane.apply(service('reviews'))
    const { json } = await plane.call('GET', SERVICES)
    await plane.apply(service('catalog'))
    const watcher = await watch(`${WATCH}&resourceVersion=${json.metadata.resourceVersion}`)
    await plane.apply(service('ratings'))
    await watcher.until(() => watcher.events.length === 2)
    expect(watcher.told()).toEqual(['ADDED catalog', 'ADDED ratings'])
    // Whoever comes back where it was misses nothing.
    watcher.close()
    await plane.apply(service('details'))
    const again = await watch(`${WATCH}&resourceVersion=${watcher.events.at(-1)?.object.metadata.resourceVersion}`)
    await again.until(() => again.events.length === 1)
    expect(again.told()).toEqual(['ADDED details'])
  })

  it('by label takes what begins to match for new, and what ceases to for gone', async () => {
    const watcher = await watch(`${WATCH}&labelSelector=tier%3Dfront`)
    await plane.apply(service('reviews', { tier: 'back' }))
    await plane.apply(service('reviews', { tier: 'front' }))
    await plane.apply(service('reviews', { tier: 'front', more: 'yes' }))
    await plane.apply(service('reviews', { tier: 'back' }))
    await watcher.until(() => watcher.events.length === 3)
    expect(watcher.told()).toEqual(['ADDED reviews', 'MODIFIED reviews', 'DELETED reviews'])
    const one = await watch(`${WATCH}&fieldSelector=metadata.name%3Dcatalog`)
    await plane.apply(service('reviews', { tier: 'front' }), service('catalog'))
    await one.until(() => one.events.length === 1)
    expect(one.told()).toEqual(['ADDED catalog'])
  })

  it('of one namespace hears nothing of another', async () => {
    const watcher = await watch(WATCH)
    const elsewhere = { ...service('cart'), metadata: { name: 'cart', namespace: 'shop' } }
    await plane.apply(elsewhere, service('reviews'))
    await watcher.until(() => watcher.events.length === 1)
    expect(watcher.told()).toEqual(['ADDED reviews'])
  })

  it('ends when its time is over, with a bookmark where that is wanted', async () => {
    await plane.apply(service('reviews'))
    const { json } = await plane.call('GET', SERVICES)
    const from = `${WATCH}&resourceVersion=${json.metadata.resourceVersion}&timeoutSeconds=1`
    const watcher = await watch(`${from}&allowWatchBookmarks=true`)
    const revision = await plane.apply({ ...service('cart'), metadata: { name: 'cart', namespace: 'shop' } })
    const quiet = await watch(from)
    await watcher.ended()
    const last = watcher.events.at(-1)
    expect(last).toMatchObject({ type: 'BOOKMARK', object: { kind: 'Service', apiVersion: 'v1' } })
    expect(last?.object.metadata.resourceVersion).toBe(String(revision))
    await quiet.ended()
    expect(quiet.events).toEqual([])
  })

  it('from a revision that is not known ends with an error: 410, list again', async () => {
    await plane.apply(service('reviews'))
    const watcher = await watch(`${WATCH}&resourceVersion=999999999999999`)
    await watcher.ended()
    expect(watcher.status).toBe(200)
    expect(watcher.events).toMatchObject([
      {
        type: 'ERROR',
        object: { kind: 'Status', code: 410, reason: 'Expired', message: expect.stringContaining('List again') },
      },
    ])
  })

  it('that is not read ends with an error: 410, and the others get everything', { timeout: 30_000 }, async () => {
    const slow = await watch(WATCH, false)
    const brisk = await watch(WATCH)
    const note = (n: number) => ({ annotations: { a: String(n).padEnd(60_000, 'x'), b: 'y'.repeat(60_000) } })
    // Far more than the kernel's buffers and ours hold together.
    const rounds = 8
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`)
    for (let round = 0; round < rounds; round++) {
      await plane.apply(...names.map(name => service(name, {}, note(round))))
      await brisk.until(() => brisk.events.length >= (round + 1) * names.length)
    }
    expect(brisk.events).toHaveLength(rounds * names.length)
    slow.read()
    await slow.ended()
    // What the kernel held is whole; what came after that was not kept for it.
    expect(slow.events.length).toBeLessThan(rounds * names.length)
    expect(slow.events.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 410 } })
    expect((await plane.call('GET', '/healthz')).code).toBe(200)
  })

  it('is one of a bounded number: the next is told to come back: 429', async () => {
    for (let open = 0; open < 128; open++) await watch(`${WATCH}&labelSelector=none`)
    const refused = await plane.call('GET', WATCH)
    expect(refused).toMatchObject({ code: 429, json: { reason: 'TooManyRequests' } })
    watchers.pop()?.close()
    // Its place is free once the server has seen it go.
    let code = 429
    while (code === 429)
      code = (await plane.call('GET', `${WATCH}&timeoutSeconds=1&resourceVersion=999999999999999`)).code
    expect(code).toBe(200)
  })

  it('of Workloads sees written ones too, and goes on after a restart only from a new list', async () => {
    const path = '/apis/selvedge.dev/v1/workloads'
    const workload = (zone: string): object => ({
      apiVersion: 'selvedge.dev/v1',
      kind: 'Workload',
      metadata: { name: 'reviews-1', namespace: 'bookshop' },
      spec: { address: '10.0.0.7', zone },
    })
    const watcher = await watch(`${path}?watch=true`)
    await plane.apply(workload('a'))
    await plane.apply(workload('b'))
    await watcher.until(() => watcher.events.length === 2)
    expect(watcher.told()).toEqual(['ADDED reviews-1', 'MODIFIED reviews-1'])
    const from = watcher.events[0]?.object.metadata.resourceVersion
    await plane.restart()
    const stale = await watch(`${path}?watch=true&resourceVersion=${from}`)
    await stale.ended()
    expect(stale.events).toMatchObject([{ type: 'ERROR', object: { code: 410 } }])
    const { json } = await plane.call('GET', path)
    const fresh = await watch(`${path}?watch=true&resourceVersion=${json.metadata.resourceVersion}`)
    await plane.call('DELETE', '/apis/selvedge.dev/v1/namespaces/bookshop/workloads/reviews-1')
    await fresh.until(() => fresh.events.length === 1)
    expect(fresh.told()).toEqual(['DELETED reviews-1'])
  })

  it('survives a restart of the control plane: it goes on from its revision', async () => {
    await plane.apply(service('reviews'))
    const { metadata } = (await plane.call('GET', SERVICES)).json as Json
    await plane.apply(service('catalog'))
    await plane.restart()
    await plane.apply(service('ratings'))
    const watcher = await watch(`${WATCH}&resourceVersion=${metadata.resourceVersion}`)
    await watcher.until(() => watcher.events.length === 2)
    expect(watcher.told()).toEqual(['ADDED catalog', 'ADDED ratings'])
  })

  it.each([
    'timeoutSeconds=0',
    'timeoutSeconds=9999',
    'allowWatchBookmarks=1',
    'resourceVersion=x',
    'continue=a',
    'watch=1',
  ])('with %s is refused in words', async parameter => {
    const { code, json } = await plane.call(
      'GET',
      `${WATCH.replace('?watch=true', '?')}${parameter.startsWith('watch') ? '' : 'watch=true&'}${parameter}`,
    )
    expect({ code, message: json.message }).toEqual({ code: 400, message: expect.stringMatching(/^Cannot /) })
  })
})
