import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ok, systemClock } from '../../common/mod.ts'
import { kindInfo, parseResources } from '../../model/resources/mod.ts'
import { openSqliteStore } from '../store/sqlite/mod.ts'
import { openWorld } from '../world/mod.ts'
import { Pages } from './pages.ts'
import { resourceRoutes } from './resources.ts'
import type { ApiCall } from './router.ts'
import { putOf } from './writes.ts'

/** `{"metadata": {"resourceVersion": null}}` takes the version out of what is written, and with it the check. */
it('[API-7] a patch that takes the version out does not undo what came in between', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'selvedge-patch-'))
  const store = await openSqliteStore({ dataDir, clock: systemClock })
  if (!store.ok) throw new Error(store.error)
  const world = await openWorld(store.value)
  if (!world.ok) throw new Error(world.error)
  const info = kindInfo('Service')
  if (info === undefined) throw new Error('there is no Service')
  const put = async (labels: string) => {
    const text = `{apiVersion: v1, kind: Service, metadata: {namespace: ns, name: a, labels: ${labels}}, spec: {ports: [{port: 80}]}}`
    const parsed = parseResources(text)
    if (!parsed.ok) throw new Error(text)
    for (const resource of parsed.value) {
      const change = putOf(resource)
      if (change.ok) await store.value.commit([change.value], 'another')
    }
  }
  await put('{}')
  let raced = 0
  const read: typeof store.value.read = async ref => {
    const found = await store.value.read(ref)
    if (raced++ === 0) await put('{theirs: "1"}')
    return found
  }
  const routes = resourceRoutes({
    store: { ...store.value, read },
    world: world.value,
    pages: new Pages(systemClock),
    watches: { open: 0 },
    changesOf: () => ({ watch: async () => ok(() => {}) }),
  })
  const path = '/api/v1/namespaces/:namespace/services/:name'
  const patch = routes.find(route => route.method === 'PATCH' && route.path === path)
  const call: ApiCall = {
    ...{ actor: 'me', params: { namespace: 'ns', name: 'a' }, query: new URLSearchParams() },
    ...{ signal: new AbortController().signal, contentType: 'application/merge-patch+json' },
    body: async () => ok('{"metadata": {"resourceVersion": null, "labels": {"mine": "2"}}}'),
  }
  expect(await patch?.answer(call)).toMatchObject({ ok: true })
  const after = await store.value.read({ kind: info.kind, namespace: 'ns', name: 'a' })
  expect(JSON.stringify(after)).toContain('"labels":{"theirs":"1","mine":"2"}')
  world.value.close()
  await store.value.close()
  rmSync(dataDir, { recursive: true })
})
