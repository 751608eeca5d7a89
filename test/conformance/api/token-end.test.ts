import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MESH, Plane, SERVICES, service } from './plane.ts'
import { Watcher } from './watcher.ts'

describe('[API-8] a token that holds no longer', () => {
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
  async function tokenOf(name: string, more: object = {}): Promise<{ readonly id: string; readonly token: string }> {
    const { json } = await plane.call('POST', `${MESH}/apitokens`, { name, role: 'read', ...more })
    return json as unknown as { id: string; token: string }
  }
  async function watch(token: string): Promise<Watcher> {
    const watcher = new Watcher(plane, `${SERVICES}?watch=true`, true, token)
    watchers.push(watcher)
    await watcher.started()
    return watcher
  }

  it('ends its open watches when it is revoked, and no others', async () => {
    const [eve, bob] = [await tokenOf('eve'), await tokenOf('bob')]
    const [first, second, other] = [await watch(eve.token), await watch(eve.token), await watch(bob.token)]
    await plane.apply(service('before'))
    for (const watcher of [first, second, other]) await watcher.until(() => watcher.events.length === 1)
    expect((await plane.call('DELETE', `${MESH}/apitokens/${eve.id}`)).code).toBe(200)
    await plane.apply(service('after'))
    for (const watcher of [first, second]) {
      await watcher.ended()
      expect(watcher.told()).toEqual(['ADDED before', 'ERROR'])
      expect(watcher.events.at(-1)?.object).toMatchObject({ code: 401, message: expect.stringMatching(/revoked/) })
    }
    await other.until(() => other.events.length === 2)
    expect(other.told()).toEqual(['ADDED before', 'ADDED after'])
  })

  it('ends its open watches when its time is over', async () => {
    const { token } = await tokenOf('eve', { ttlMs: 1_000 })
    const watcher = await watch(token)
    await watcher.ended()
    await plane.apply(service('after'))
    expect(watcher.told()).toEqual(['ERROR'])
    expect(watcher.events[0]?.object).toMatchObject({ code: 401 })
  })
})
